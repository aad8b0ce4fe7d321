"""An engine in several processes against the same engine in one."""

import threading
from contextlib import contextmanager
from typing import Any

import pytest

from inference.api import CheckpointRefused, EngineStopped, Precision
from inference.backends.base import Ability
from inference.backends.choice import BackendKind, Wanted, open_backend
from inference.config import Parallel
from inference.distributed import Crew
from inference.engine import EngineCore
from inference.sealed import digest_of
from tests.checkpoints import config, load
from tests.inference.backends.cases import generation
from tests.inference.engine.requests import ask, events, largest_difference, logits, tokens

HISTORY = events(200, seed=1)
REQUESTS = (
    ask(HISTORY, tokens(3, seed=5), tokens(30, seed=2), id="long and short questions"),
    ask(HISTORY[:150] + tokens(20, seed=4), tokens(3, seed=5), id="a shared prefix"),
    ask(tokens(300, seed=9), id="more than one step"),
)
PRECISIONS = (Precision.INT8, Precision.FP32, Precision.BF16)
LIMITS: dict[str, Any] = {"memory_mb": 48, "max_batch_positions": 128}


@contextmanager
def started(models, on_stall=None):
    """An engine over checkpoints that are in memory."""
    engine = EngineCore(models, config(**LIMITS), on_stall=on_stall)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


@contextmanager
def crew_of(parallel, on_lost=lambda: None):
    """Followers, and the configuration that they are divided by."""
    settings = config(parallel=parallel, **LIMITS)
    crew = Crew(settings, on_lost=on_lost)
    try:
        yield crew, settings
    finally:
        crew.end()


def renamed(request, precision, **changes):
    """The same request to the checkpoint at a precision."""
    return ask(request.record, *(q.positions for q in request.questions), model=precision, id=request.id, **changes)


@pytest.fixture(scope="module")
def alone(checkpoints):
    """What one process answers, by precision and request."""
    with started(
        [load(checkpoints["events"], precision, name=precision, native=False) for precision in PRECISIONS]
    ) as engine:
        return {
            (precision, request.id): logits(engine.submit(renamed(request, precision)).result())
            for precision in PRECISIONS
            for request in REQUESTS
        }


@pytest.fixture(scope="module", params=[(2, 1), (1, 2), (2, 2)], ids=["tensor", "pipeline", "both"])
def divided(request, checkpoints):
    """The same checkpoints, divided."""
    with crew_of(Parallel(tensor=request.param[0], pipeline=request.param[1])) as (crew, settings):
        models = [
            crew.leader.load(
                checkpoints["events"], name=precision, config=config(precision, parallel=settings.parallel)
            )
            for precision in PRECISIONS
        ]
        with started(models) as engine:
            yield engine
        crew.leader.dismiss()


@pytest.mark.parametrize(
    ("precision", "tolerance"), [(Precision.INT8, 0.0), (Precision.FP32, 1e-5), (Precision.BF16, 0.05)]
)
def test_a_divided_checkpoint_answers_as_a_whole_one(divided, alone, precision, tolerance):
    divided.purge("bank")
    futures = [divided.submit(renamed(request, precision)) for request in REQUESTS]
    cold = [logits(future.result(timeout=120)) for future in futures]
    warm = [logits(divided.submit(renamed(request, precision)).result(timeout=120)) for request in REQUESTS]

    expected = [alone[precision, request.id] for request in REQUESTS]
    assert max(map(largest_difference, cold, expected)) <= tolerance
    assert warm == cold


def test_every_process_reads_what_was_read_before(divided):
    divided.purge("bank")
    first = divided.submit(renamed(REQUESTS[0], Precision.INT8)).result(timeout=120)
    second = divided.submit(renamed(REQUESTS[0], Precision.INT8)).result(timeout=120)

    assert (first.usage.cached, second.usage.cached) == (0, 192)
    assert logits(second) == logits(first)


def test_a_purge_makes_every_process_read_again(divided):
    divided.submit(renamed(REQUESTS[2], Precision.INT8)).result(timeout=120)

    assert divided.purge("bank") >= 18
    assert divided.submit(renamed(REQUESTS[2], Precision.INT8)).result(timeout=120).usage.cached == 0


def test_a_divided_checkpoint_writes_as_a_whole_one(divided, checkpoints):
    asked = generation(tokens(40, seed=3), model=Precision.INT8, max_tokens=6)
    with started([load(checkpoints["events"], name=Precision.INT8, native=False)]) as engine:
        expected = engine.generate(asked).result(timeout=120).tokens

    assert divided.generate(asked).result(timeout=120).tokens == expected


def test_a_lost_follower_fails_what_is_asked_and_ends_the_engine(qwen3):
    stalled = threading.Event()
    model = Wanted(
        name="tiny", path=qwen3, digest=digest_of(qwen3), precision=Precision.INT8, needs=frozenset({Ability.SCORE})
    )
    settings = config(parallel=Parallel(tensor=2), **LIMITS)
    backend: Any = open_backend(BackendKind.NATIVE, [model], settings, on_stall=stalled.set)
    backend.submit(ask(tokens(40, seed=1))).result(timeout=120)

    backend._crew.processes[0].kill()

    assert isinstance(backend.submit(ask(tokens(40, seed=2))).exception(timeout=120), EngineStopped)
    assert stalled.wait(timeout=30)
    with pytest.raises(EngineStopped):
        backend.submit(ask(tokens(40, seed=3)))
    backend.stop()


def test_followers_end_with_their_leader(qwen3):
    with crew_of(Parallel(pipeline=2)) as (crew, settings):
        with pytest.raises(CheckpointRefused, match="digest"):
            crew.leader.load(qwen3, name="tiny", config=settings, expected_digest="0" * 64)

        assert crew.processes[0].wait(timeout=60) != 0
