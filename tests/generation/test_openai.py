"""The endpoint as OpenAI's clients see it."""

import json
from typing import Any

import pytest

from apps.audit.models import AuditEvent
from apps.generation import pieces
from apps.generation.models import Generation
from apps.jobs.models import Job
from inference.api import Choices, JsonSchema, WindowExceeded
from tests.generation.conftest import Caller
from tests.generation.writers import TEXT, engine, register_writer, writing
from tests.riskscore.makers import bank, key_of
from tests.walls import rows


def chunks(answer: Any) -> list[Any]:
    """What a stream said, event by event; the end as its word."""
    lines = b"".join(answer.streaming_content).decode().split("\n\n")
    told = [line.removeprefix("data: ") for line in lines if line]
    return [line if line == "[DONE]" else json.loads(line) for line in told]


def test_a_conversation_is_answered_with_usage(caller):
    with writing() as served:
        answer = caller.chat(max_tokens=16)

    told = answer.json()
    assert (answer.status_code, told["object"], told["model"]) == (200, "chat.completion", "writer")
    message = {"role": "assistant", "content": TEXT}
    assert told["choices"] == [{"index": 0, "message": message, "finish_reason": "stop"}]
    assert told["usage"] == {
        "prompt_tokens": 18,
        "completion_tokens": 5,
        "total_tokens": 23,
        "prompt_tokens_details": {"cached_tokens": 0},
    }
    assert "".join(chr(position.token) for position in served.generated[0].record) == "user: What is it?\n"


def test_a_text_is_gone_on_from(caller):
    with writing():
        told = caller.complete().json()

    assert told["object"] == "text_completion"
    assert told["choices"] == [{"index": 0, "text": TEXT, "logprobs": None, "finish_reason": "stop"}]


def test_a_stream_says_the_same_in_pieces(caller):
    with writing():
        answer = caller.chat(stream=True, stream_options={"include_usage": True})
        told = chunks(answer)

    deltas = [chunk["choices"][0]["delta"] for chunk in told[:-2]]
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert "".join(delta.get("content", "") for delta in deltas) == TEXT
    assert told[-3]["choices"][0]["finish_reason"] == "stop"
    assert (told[-2]["choices"], told[-2]["usage"]["completion_tokens"]) == ([], 5)
    assert told[-1] == "[DONE]"


def test_every_option_reaches_the_engine(caller):
    options = {"max_tokens": 9, "temperature": 0.5, "top_p": 0.9, "stop": "\n", "choices": ["yes", "no"]}
    with writing() as served:
        caller.chat(**options)

    asked = served.generated[0]
    assert (asked.max_tokens, asked.stop_texts) == (9, ("\n",))
    assert (asked.sampling.temperature, asked.sampling.top_p, asked.sampling.seed) == (0.5, 0.9, 7)
    assert asked.constraint == Choices(((121, 101, 115), (110, 111)))


def test_a_schema_becomes_the_constraint(caller):
    schema = {"type": "object", "properties": {"risk": {"type": "number"}}}
    asked = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
    with writing() as served:
        caller.chat(response_format=asked)

    assert served.generated[0].constraint == JsonSchema(json.dumps(schema))


def test_a_cache_is_the_institutions_own(caller, institution):
    with writing() as served:
        caller.chat()

    assert served.generated[0].namespace == str(institution.pk)


@pytest.mark.parametrize(
    ("changes", "status", "code", "param"),
    [
        ({"frequency_penalty": 0.5}, 422, "unknown_parameter", "frequency_penalty"),
        ({"logprobs": True}, 422, "unknown_parameter", "logprobs"),
        ({"n": 2}, 422, "max_value", "n"),
        ({"temperature": "hot"}, 422, "invalid", "temperature"),
        ({"messages": []}, 422, "empty", "messages"),
        ({"messages": [{"role": "robot", "content": "x"}]}, 422, "invalid_choice", "messages.0.role"),
        ({"response_format": {"type": "json_object"}}, 422, "form", "response_format"),
        ({"model": "nobody"}, 404, "model_not_found", "model"),
        ({"model": "risk"}, 404, "model_not_found", "model"),
    ],
)
def test_what_cannot_be_heeded_is_refused_in_openais_shape(caller, changes, status, code, param):
    register_writer(name="risk", card={})

    answer = caller.chat(**changes)

    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)
    assert set(error) == {"message", "type", "param", "code"}
    assert not Generation.objects.exists()


def test_past_its_deadline_a_text_is_not_written_and_the_job_has_expired(caller):
    answer = caller.chat(deadline_ms=50)

    assert (answer.status_code, answer.json()["error"]["code"]) == (408, "deadline_exceeded")
    assert list(Job.objects.values_list("status", flat=True)) == ["expired"]


def test_a_prompt_beyond_the_window_is_told_to_the_caller(caller):
    with writing(engine(failures=[WindowExceeded("too long")])):
        answer = caller.chat()

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "window_exceeded")


def test_an_attempt_that_failed_is_made_again_with_the_same_seed(caller):
    with writing(engine(failures=[RuntimeError("a defect")])) as served:
        answer = caller.chat(seed=None)

    assert answer.json()["choices"][0]["message"]["content"] == TEXT
    assert len({asked.sampling.seed for asked in served.generated}) == 1


def test_a_reader_who_leaves_cancels_the_job(caller):
    with writing(engine(delay_s=0.0)):
        answer = caller.chat(stream=True)
        answer.close()

    assert set(Job.objects.values_list("status", flat=True)) <= {"cancelled", "succeeded"}


@pytest.mark.parametrize("stream", [False, True])
def test_without_redis_the_text_still_comes(caller, settings, tmp_path, stream):
    settings.REDIS_URL = f"unix://{tmp_path}/nothing.sock"
    with writing():
        answer = caller.complete(stream=stream)
        told = chunks(answer) if stream else [answer.json(), "[DONE]"]
    pieces.breaker.succeeded()

    assert "".join(chunk["choices"][0]["text"] for chunk in told[:-1]) == TEXT


def test_models_lists_the_champions_that_generate(caller):
    register_writer(name="risk", card={"calibration": {}})
    register_writer(version="2", alias="challenger")

    told = caller.models().json()

    assert (told["object"], [model["id"] for model in told["data"]]) == ("list", ["writer"])


def test_a_client_without_the_scope_is_refused_in_openais_shape(institution):
    client, key = key_of(institution)
    client.scopes = ["risk.read"]
    client.save()

    answer = Caller(key).chat()

    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")
    assert AuditEvent.objects.filter(action="access.refused", details__code="insufficient_scope").count() == 1


def test_what_was_asked_and_written_is_sealed(caller):
    with writing():
        caller.chat()

    told = (
        "SELECT position('What is it?'::bytea IN asked), position('answer'::bytea IN text) FROM generation_generation"
    )
    assert rows(told) == [(0, 0)]


def test_the_trail_has_the_asking_and_the_writing(caller):
    with writing():
        caller.chat()

    acts = AuditEvent.objects.filter(action__startswith="generation.").order_by("at")
    assert [act.action for act in acts] == ["generation.requested", "generation.completed"]


def test_one_institutions_texts_are_not_anothers(caller):
    with writing():
        caller.chat()
    stranger = key_of(bank("Second Bank"))[0]

    assert not Generation.objects.filter(institution_id=stranger.institution_id).exists()
