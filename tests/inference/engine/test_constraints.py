"""Generations that may only be JSON by a schema, or one of a closed list."""

import json

import pytest

from inference.api import Choices, FinishReason, GeneratedTokens, InvalidRequest, JsonSchema, Sampling
from inference.engine.generation.constrain import ChoiceMatcher
from inference.engine.generation.schemas import JsonMatcher
from tests.inference.engine.generations import write, written
from tests.inference.engine.requests import serving, tokens
from tests.inference.engine.writers import END, make_writer

SCHEMA = {
    "type": "object",
    "properties": {
        "risk": {"enum": ["low", "medium", "high"]},
        "amount": {"type": "integer", "minimum": 0, "maximum": 99999},
        "reasons": {"type": "array", "items": {"enum": ["amount", "country", "device"]}, "maxItems": 3},
    },
    "required": ["risk", "amount", "reasons"],
    "additionalProperties": False,
}
JSON = JsonSchema(json.dumps(SCHEMA))
RECORDS = [tokens(length, seed=length) for length in (3, 20, 40)]
OPTIONS = ((5, 6, 7), (5, 6, 8, 9), (10, 11))


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    return make_writer(tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def engine(writer):
    with serving(writer) as started:
        yield started


@pytest.mark.parametrize("sampling", [Sampling(), Sampling(temperature=2.0, seed=3)])
@pytest.mark.parametrize("record", RECORDS)
def test_what_is_written_is_whole_json_by_the_schema(engine, record, sampling):
    result = written(engine, record, constraint=JSON, sampling=sampling, max_tokens=100)

    said = json.loads(result.text)
    assert result.finish_reason == FinishReason.STOP
    assert (list(said), type(said["amount"])) == (["risk", "amount", "reasons"], int)
    assert said["risk"] in {"low", "medium", "high"}


@pytest.mark.parametrize("speculate", [False, True])
def test_taking_forced_tokens_ahead_changes_no_token_and_saves_forward_passes(engine, monkeypatch, speculate):
    ahead = [written(engine, record, constraint=JSON, max_tokens=100, speculate=speculate) for record in RECORDS]
    monkeypatch.setattr(JsonMatcher, "forced", lambda _: [])
    step_by_step = [written(engine, record, constraint=JSON, max_tokens=100) for record in RECORDS]

    assert [result.tokens for result in ahead] == [result.tokens for result in step_by_step]
    assert min(result.usage.forced for result in ahead) > 10


def test_json_that_does_not_fit_ends_by_its_length(engine):
    result = written(engine, RECORDS[0], constraint=JSON, max_tokens=5)

    assert (len(result.tokens), result.finish_reason) == (5, FinishReason.LENGTH)


def test_a_number_alone_ends_where_the_model_ends_it(engine):
    result = written(engine, RECORDS[0], constraint=JsonSchema('{"type": "integer"}'), max_tokens=100)

    assert result.text.lstrip("-").isdigit()


@pytest.mark.parametrize(
    ("schema", "refusal"), [("{", "not JSON|cannot be followed"), ('{"type": "objekt"}', "cannot be followed")]
)
def test_what_is_no_schema_is_refused_at_the_door(engine, schema, refusal):
    with pytest.raises(InvalidRequest, match=refusal):
        written(engine, RECORDS[0], constraint=JsonSchema(schema))


def test_a_checkpoint_without_a_tokenizer_refuses_json_and_chooses_from_lists(qwen3):
    with serving(qwen3) as engine:
        with pytest.raises(InvalidRequest, match="no tokenizer to write JSON with"):
            written(engine, RECORDS[0], constraint=JSON)

        assert written(engine, RECORDS[0], constraint=Choices(OPTIONS)).tokens in OPTIONS


def test_forced_tokens_of_a_list_are_taken_without_a_forward_pass(engine):
    result = written(engine, RECORDS[0], constraint=Choices(OPTIONS))

    assert result.tokens in OPTIONS
    assert result.usage.forced > 0
    assert result.finish_reason == FinishReason.STOP


def test_an_option_that_begins_another_is_told_from_it_by_an_end():
    matcher = ChoiceMatcher(Choices(((1, 2), (1, 2, 3))), ends=frozenset({0}), vocabulary=8)

    assert matcher.forced() == [1, 2]
    matcher.accept(1)
    matcher.accept(2)
    assert (matcher.allowed().nonzero()[0].tolist(), matcher.forced(), matcher.complete) == ([0, 3], [], False)


@pytest.mark.parametrize(("options", "refusal"), [(((1,), (1, 2)), "begins another"), (((1, 64),), "outside")])
def test_a_list_that_cannot_be_followed_is_refused(options, refusal):
    with pytest.raises(InvalidRequest, match=refusal):
        ChoiceMatcher(Choices(options), ends=frozenset(), vocabulary=64)


def test_a_choice_follows_the_greatest_logit_at_each_fork(engine):
    free = written(engine, RECORDS[1], max_tokens=1).tokens[0]
    options = ((free, 3), ((free + 1) % 400, 3))

    assert written(engine, RECORDS[1], constraint=Choices(options)).tokens == (free, 3)


def test_pieces_of_text_add_up_to_the_result(engine):
    pieces: list[GeneratedTokens] = []
    result = engine.generate(write(RECORDS[2], max_tokens=60), pieces.append).result(timeout=60)

    assert "".join(piece.text for piece in pieces) == result.text
    assert result.text


def test_a_generation_ends_at_the_checkpoints_own_end_of_text(engine):
    free = written(engine, RECORDS[2], max_tokens=30, stop_tokens=frozenset()).tokens
    constraint = Choices(((*free[:3], END, 7),))

    result = written(engine, RECORDS[2], max_tokens=30, constraint=constraint)

    assert (result.tokens, result.finish_reason) == (free[:3], FinishReason.STOP)
