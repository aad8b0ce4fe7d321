"""What is said to a vLLM server, what is made of its answers, and what is never said of either."""

import logging
import time
from dataclasses import replace

import pytest

from inference.api import (
    Choices,
    DeadlineExceeded,
    EngineError,
    EngineStopped,
    FinishReason,
    InvalidRequest,
    JsonSchema,
    Priority,
    QueueFull,
    Sampling,
    UnknownModel,
)
from inference.backends.base import Ability, BackendRefused
from inference.backends.reading import Unreadable
from inference.backends.vllm_http import VllmBackend, VllmConfig
from tests.inference.backends.cases import generation
from tests.inference.backends.vllm_server import VllmServer, listening
from tests.inference.engine.requests import ask, tokens

RECORD = tokens(40, seed=1)
KEY = "a-key-of-the-servers-own"


def config(address, **changes):
    return replace(VllmConfig(url=address, models=("tiny",), salt_key=bytes(32), key=KEY), **changes)


@pytest.fixture
def told(plain):
    return VllmServer(plain.model, key=KEY)


@pytest.fixture
def url(told):
    with listening(told) as address:
        yield address


@pytest.fixture
def backend(url, told):
    started = VllmBackend(config(url))
    started.start()
    told.asked.clear()
    yield started
    started.stop()


def test_a_score_asks_for_its_labels_alone(backend, told):
    backend.submit(ask(RECORD, tokens(2, seed=2), tokens(3, seed=3), priority=Priority.BATCH)).result(timeout=60)

    [asked] = told.asked
    assert [len(prompt) for prompt in asked["prompt"]] == [42, 43]
    assert asked["logprob_token_ids"] == [3, 4, 9]
    assert (asked["max_tokens"], asked["priority"]) == (1, 2)


def test_a_namespaces_salt_says_nothing_of_it_and_changes_when_it_is_purged(backend, told):
    for namespace in ("bank", "hospital", "bank"):
        backend.submit(ask(RECORD, namespace=namespace)).result(timeout=60)
    backend.purge("bank")
    backend.submit(ask(RECORD, namespace="bank")).result(timeout=60)

    salts = [asked["cache_salt"] for asked in told.asked]
    assert salts[0] == salts[2]
    assert len(set(salts)) == 3
    assert {len(salt) for salt in salts} == {64}
    assert "bank" not in "".join(salts)


def test_what_was_read_before_counts_as_cached(backend):
    first = backend.submit(ask(RECORD)).result(timeout=60)
    second = backend.submit(ask(RECORD)).result(timeout=60)

    assert (first.usage.cached, second.usage.cached) == (0, 32)


def test_a_server_with_one_queue_is_asked_for_no_priority(url, told):
    told.with_priorities = False
    backend = VllmBackend(config(url))
    backend.start()
    told.asked.clear()

    backend.submit(ask(RECORD, priority=Priority.BATCH)).result(timeout=60)

    assert Ability.PRIORITY not in backend.abilities("tiny")
    assert "priority" not in told.asked[0]


def test_a_server_that_names_no_labels_does_not_score(url, told):
    told.with_labels = False
    backend = VllmBackend(config(url))

    backend.start()

    assert not backend.abilities("tiny") & {Ability.SCORE, Ability.SALT}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"models": ("tiny", "absent")}, "does not serve absent"),
        ({"key": "another"}, "401"),
        ({"url": "http://127.0.0.1:9"}, "cannot be reached"),
    ],
)
def test_a_server_that_is_not_the_one_that_was_meant_is_refused_at_the_start(url, changes, complaint):
    with pytest.raises(BackendRefused, match=complaint):
        VllmBackend(config(url, **changes)).start()


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8000"])
def test_an_address_is_one_of_http(url):
    with pytest.raises(ValueError, match="http://"):
        config(url)


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, InvalidRequest), (404, UnknownModel), (429, QueueFull), (503, QueueFull), (500, EngineError)],
)
def test_a_servers_refusal_becomes_ours_without_its_words(backend, told, caplog, status, error):
    told.status = status
    with caplog.at_level(logging.DEBUG):
        failed = backend.submit(ask(RECORD)).exception(timeout=60)

    assert type(failed) is error
    assert str(failed) == f"the server answered {status}"
    assert str(RECORD[0].token) + ", " + str(RECORD[1].token) not in caplog.text
    assert len(told.asked) == 1


def test_a_redirect_is_not_followed(backend, told):
    told.status = 307

    assert isinstance(backend.submit(ask(RECORD)).exception(timeout=60), EngineError)
    assert len(told.asked) == 1


def test_a_server_that_went_away_is_an_engine_that_stopped(told):
    with listening(told) as url:
        backend = VllmBackend(config(url))
        backend.start()

    assert isinstance(backend.submit(ask(RECORD)).exception(timeout=60), EngineStopped)


def test_a_server_that_takes_too_long_is_given_up(url, told):
    backend = VllmBackend(config(url, timeout_s=0.3))
    backend.start()
    told.open.clear()

    assert isinstance(backend.submit(ask(RECORD)).exception(timeout=30), DeadlineExceeded)


def test_a_reply_without_the_labels_cannot_be_read(backend, told):
    told.complete = lambda body: {"choices": [{"index": 0, "logprobs": None}], "usage": {"prompt_tokens": 1}}

    assert isinstance(backend.submit(ask(RECORD)).exception(timeout=60), Unreadable)


def test_an_environments_proxy_sees_no_record(backend, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    assert backend.submit(ask(RECORD)).result(timeout=60).answers


def test_a_generation_is_asked_in_the_servers_words(backend, told):
    request = generation(
        RECORD,
        sampling=Sampling(temperature=0.5, top_k=7, top_p=0.9, seed=11),
        stop_texts=("END",),
        constraint=JsonSchema('{"type": "object"}'),
    )

    backend.generate(request).result(timeout=60)

    [asked] = told.asked
    assert (asked["temperature"], asked["top_k"], asked["top_p"], asked["seed"]) == (0.5, 7, 0.9, 11)
    assert (asked["stop"], asked["structured_outputs"]) == (["END"], {"json": {"type": "object"}})


def test_a_stop_token_ends_a_generation_and_is_not_part_of_it(backend):
    whole = backend.generate(generation(RECORD, max_tokens=6, logprobs=True)).result(timeout=60)
    stop = whole.tokens[-1]

    result = backend.generate(generation(RECORD, max_tokens=6, stop_tokens=frozenset({stop}))).result(timeout=60)

    assert whole.finish_reason is FinishReason.LENGTH
    assert len(whole.logprobs) == 6
    assert result.finish_reason is FinishReason.STOP
    assert result.tokens == whole.tokens[: whole.tokens.index(stop)]


def test_a_closed_list_of_tokens_cannot_be_asked_for(backend):
    with pytest.raises(InvalidRequest, match="closed lists"):
        backend.generate(generation(RECORD, constraint=Choices(((1, 2), (3,)))))


def test_a_stream_that_breaks_off_fails(backend, told):
    told.chunks = lambda body: iter([{"error": {"message": "out of memory"}}])

    assert isinstance(backend.generate(generation(RECORD)).exception(timeout=60), Unreadable)


def test_a_queue_has_its_bound(url, told):
    backend = VllmBackend(config(url, workers=1, max_queue=2))
    backend.start()
    told.open.clear()
    backend.submit(ask(RECORD, id="first"))
    assert told.inside.wait(timeout=30)
    waiting = [backend.submit(ask(RECORD, id=f"w{index}")) for index in range(2)]

    with pytest.raises(QueueFull):
        backend.submit(ask(RECORD, id="too many", deadline_at=time.monotonic() + 60.0))

    assert backend.stats().waiting == len(waiting)
