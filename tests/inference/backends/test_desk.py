"""Who waits at an adapter's desk is answered once, whatever its thread still finds out."""

import threading
import time

import pytest

from inference.api import Cancelled, DeadlineExceeded, EngineError, EngineStopped, QueueFull
from inference.backends.desk import Desk
from tests.inference.engine.requests import ask, tokens

RECORD = tokens(4, seed=1)


class Heard:
    """What an observer was told."""

    def __init__(self) -> None:
        self.failures: list[str] = []

    def on_step(self, *_: object) -> None:
        raise AssertionError("an adapter has no steps")

    on_result = on_generated = on_step

    def on_failure(self, model: str, code: str) -> None:
        self.failures.append(f"{model} {code}")


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def desk(heard):
    desk = Desk(workers=1, max_queue=2, observer=heard)
    yield desk
    desk.close()


def test_a_late_request_is_answered_while_its_thread_is_busy(desk, heard):
    release = threading.Event()
    future = desk.take(ask(RECORD, deadline_at=time.monotonic() + 0.05), lambda _: release.wait(30))

    assert isinstance(future.exception(timeout=10), DeadlineExceeded)
    release.set()
    assert desk.drain(timeout_s=10)
    assert heard.failures == ["tiny deadline_exceeded"]


def test_a_cancelled_request_frees_its_id_at_once(desk):
    release = threading.Event()
    first = desk.take(ask(RECORD), lambda _: release.wait(30))

    assert desk.cancel("r")
    second = desk.take(ask(RECORD), lambda _: "answer")
    release.set()

    assert isinstance(first.exception(timeout=10), Cancelled)
    assert second.result(timeout=10) == "answer"


def test_an_unforeseen_error_fails_its_request_without_its_words(desk, caplog):
    def fails(_: object) -> None:
        raise RuntimeError("amount 4,200.00 of account 17")

    failed = desk.take(ask(RECORD), fails).exception(timeout=10)

    assert (type(failed), str(failed)) == (EngineError, "the backend failed")
    assert "4,200" not in caplog.text
    assert desk.take(ask(RECORD), lambda _: "answer").result(timeout=10) == "answer"


def test_a_full_desk_refuses_at_once(desk):
    started, release = threading.Event(), threading.Event()

    def waits(_: object) -> None:
        started.set()
        release.wait(30)

    desk.take(ask(RECORD, id="first"), waits)
    assert started.wait(10)
    for name in ("second", "third"):
        desk.take(ask(RECORD, id=name), lambda _: "answer")

    with pytest.raises(QueueFull):
        desk.take(ask(RECORD, id="fourth"), lambda _: "answer")
    release.set()


def test_closing_fails_what_waits_and_takes_no_more(desk):
    release = threading.Event()
    future = desk.take(ask(RECORD), lambda _: release.wait(30))

    desk.close()
    release.set()

    assert isinstance(future.exception(timeout=10), EngineStopped)
    with pytest.raises(EngineStopped):
        desk.take(ask(RECORD), lambda _: "answer")
