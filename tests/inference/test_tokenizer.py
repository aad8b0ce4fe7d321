"""A checkpoint's tokenizer, read from its folder and from nothing else."""

import json

import pytest

from inference.api import CheckpointRefused
from inference.checkpoints import write_sums
from inference.tokenizer import Tokenizer
from tests.checkpoints import load
from tests.inference.engine.writers import END, make_writer, tokenizer


@pytest.fixture
def writer(tmp_path):
    return make_writer(tmp_path)


def test_text_comes_back_whole():
    made = Tokenizer(tokenizer().to_str().encode())

    assert made.decode(made.encode('{"risk": "high"} naïve 北京')) == '{"risk": "high"} naïve 北京'


def test_special_tokens_are_read_in_a_text_and_left_out_of_it():
    made = Tokenizer(tokenizer().to_str().encode())

    assert made.encode("low<end>")[-1] == END
    assert made.decode(made.encode("low<end>")) == "low"


def test_a_stream_says_the_same_as_the_whole(writer):
    made = load(writer).tokenizer
    assert made is not None
    tokens = made.encode("The café is naïve. 北京")
    stream = made.stream(tokens[:3])

    assert made.decode(tokens[:3]) + "".join(map(stream.add, tokens[3:])) == "The café is naïve. 北京"


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b'{"model": {"type": "Nonsense"}}'])
def test_what_is_no_tokenizer_is_refused(content):
    with pytest.raises(CheckpointRefused, match=r"tokenizer\.json cannot be read"):
        Tokenizer(content)


def test_ends_of_text_are_those_that_both_files_name(writer):
    (writer / "generation_config.json").write_text(json.dumps({"eos_token_id": [7, 9]}))
    write_sums(writer)

    assert load(writer).ends == {END, 7, 9}


@pytest.mark.parametrize("ends", ["[416]", '"0"', "true", "[-1]"])
def test_an_end_of_text_that_is_no_token_is_refused(writer, ends):
    (writer / "generation_config.json").write_text(f'{{"eos_token_id": {ends}}}')
    write_sums(writer)

    with pytest.raises(CheckpointRefused, match="end of text outside the vocabulary"):
        load(writer)


def test_a_tokenizer_with_more_tokens_than_the_model_is_refused(tmp_path):
    path = make_writer(tmp_path, vocab_size=300)

    with pytest.raises(CheckpointRefused, match="more tokens than the model"):
        load(path)
