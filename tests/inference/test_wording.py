"""Prompts as tokens."""

import pytest

from inference.api import InvalidRequest
from inference.sealed import SealedFolder, write_sums
from inference.tokenizer import Tokenizer
from inference.wording import Wording, read_wording
from tests.inference.engine.writers import tokenizer

TURNS = [{"role": "user", "content": "risk"}]


@pytest.fixture(scope="module")
def words() -> Tokenizer:
    return Tokenizer(tokenizer().to_str().encode())


def wording(tmp_path, words, **files: str) -> Wording:
    """What a folder with such files is read as."""
    for name, content in files.items():
        (tmp_path / name.replace("__", ".")).write_text(content)
    write_sums(tmp_path)
    return read_wording(SealedFolder(tmp_path), words)


def test_a_conversation_is_laid_out_by_the_checkpoints_template(tmp_path, words):
    spoken = wording(tmp_path, words, chat_template__jinja="{{ eos_token }}{{ messages[0].content }}?",
                     tokenizer_config__json='{"eos_token": {"content": "<end>"}}')  # fmt: skip

    assert spoken.conversation(TURNS) == words.encode("<end>risk?")


def test_the_template_may_be_in_the_tokenizers_configuration(tmp_path, words):
    spoken = wording(tmp_path, words, tokenizer_config__json='{"chat_template": "[{{ messages[0].role }}]"}')

    assert spoken.conversation(TURNS) == words.encode("[user]")


def test_without_a_template_every_turn_is_a_line(words):
    assert Wording(words).conversation(TURNS) == words.encode("user: risk\nassistant:")


def test_a_template_that_refuses_is_an_invalid_request(tmp_path, words):
    spoken = wording(tmp_path, words, chat_template__jinja="{{ raise_exception('turns must alternate') }}")

    with pytest.raises(InvalidRequest):
        spoken.conversation(TURNS)


def test_a_template_reaches_nothing_but_what_it_is_given(tmp_path, words):
    spoken = wording(tmp_path, words, chat_template__jinja="{{ messages.__class__.__mro__ }}")

    with pytest.raises(InvalidRequest):
        spoken.conversation(TURNS)
