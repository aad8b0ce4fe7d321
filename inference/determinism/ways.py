"""Asking the same requests in every way an engine may come to compute them, against each alone."""

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, replace

from inference.api import Priority, ScoreRequest, ScoreResult
from inference.checkpoints import LoadedModel
from inference.config import EngineConfig
from inference.engine import EngineCore
from inference.engine.blocks import BLOCK
from inference.metrics import EngineObserver, StepReport

BATCHES = 20
SEED = 20_261_125
Logits = dict[str, tuple[float, ...]]
Loader = Callable[[EngineConfig], LoadedModel]
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one way of asking changed against each request alone in a cold engine with one thread.

    Attributes:
        compared: requests' answers held against those they had alone.
        differing: those of them with a bit that is not the same.
        largest: difference of two logits.
        first: id of the first request that differs, or None.
        preemptions: requests that lost their blocks and began again.
    """

    way: str
    compared: int
    differing: int
    largest: float
    first: str | None
    preemptions: int


class _Interrupter(EngineObserver):
    """Counts preemptions, and after each step lets one urgent request in, from the engine's own thread."""

    def __init__(self) -> None:
        self.preemptions = 0
        self.urgent: deque[ScoreRequest] = deque()
        self.futures: dict[str, Future[ScoreResult]] = {}
        self.submit: Callable[[ScoreRequest], Future[ScoreResult]] | None = None

    def on_step(self, report: StepReport) -> None:
        """A forward pass ended."""
        self.preemptions += report.preemptions
        self.let_in()

    def let_in(self) -> None:
        """Submit the next urgent request, if one is left."""
        if self.urgent and self.submit is not None:
            request = self.urgent.popleft()
            self.futures[request.id] = self.submit(request)


def differences(
    load: Loader, requests: Sequence[ScoreRequest], config: EngineConfig, *, tell: Progress = lambda _: None
) -> Iterator[Finding]:
    """Ask in every way, one after the other; each finding comes as soon as its way was gone.

    Args:
        load: brings the checkpoint into memory anew.
        config: its threads, batch sizes, quota and promises about time are set here.
        tell: hears what is done next.
    """
    base = replace(config, threads=1, max_batch_positions=2048, max_queue=len(requests) + 1, sheds=False)
    tell("alone, cold, one thread")
    with _serving(load, base) as (engine, _):
        alone = {request.id: _logits(_cold(engine, request)) for request in requests}
        blocks = engine.stats().blocks_free + engine.stats().blocks_cached
        tell("warm cache")
        yield _against("warm cache", alone, [_one_by_one(engine, requests)])
        tell(f"{BATCHES} random batches")
        yield _against(f"{BATCHES} random batches", alone, _batches(engine, requests))
    for way, changed in _settings(base).items():
        tell(way)
        with _serving(load, changed) as (engine, _):
            yield _against(way, alone, [_together(engine, requests)])
    tell("preemption")
    narrow = replace(base, max_batch_positions=64, namespace_quota=_narrowest(load, base, blocks))
    with _serving(load, narrow) as (engine, interrupter):
        found = [_interrupted(engine, interrupter, requests)]
        yield replace(_against("preemption", alone, found), preemptions=interrupter.preemptions)


def _settings(base: EngineConfig) -> dict[str, EngineConfig]:
    return {
        "loaded again": base,
        "chunks of 64": replace(base, max_batch_positions=64),
        "chunks of 176": replace(base, max_batch_positions=176),
        "chunks of 4096": replace(base, max_batch_positions=4096),
        "one request a step": replace(base, max_batch_requests=1),
        "2 threads": replace(base, threads=2),
        "3 threads, chunks of 128": replace(base, threads=3, max_batch_positions=128),
    }


def _narrowest(load: Loader, config: EngineConfig, blocks: int) -> float:
    """The quota that leaves a namespace little more than one window."""
    window = load(config).window
    return min(1.0, (window // BLOCK + 3) / blocks)


@contextmanager
def _serving(load: Loader, config: EngineConfig) -> Iterator[tuple[EngineCore, _Interrupter]]:
    interrupter = _Interrupter()
    engine = EngineCore([load(config)], config, observer=interrupter)
    engine.start()
    try:
        yield engine, interrupter
    finally:
        engine.stop()


def _cold(engine: EngineCore, request: ScoreRequest) -> ScoreResult:
    engine.purge(request.namespace)
    return engine.submit(request).result()


def _one_by_one(engine: EngineCore, requests: Sequence[ScoreRequest]) -> Logits:
    for request in requests:
        engine.submit(request).result()
    return {request.id: _logits(engine.submit(request).result()) for request in requests}


def _together(engine: EngineCore, requests: Sequence[ScoreRequest]) -> Logits:
    futures = {request.id: engine.submit(request) for request in requests}
    return {name: _logits(future.result()) for name, future in futures.items()}


def _batches(engine: EngineCore, requests: Sequence[ScoreRequest]) -> Iterator[Logits]:
    chance = random.Random(SEED)
    for _ in range(BATCHES):
        if chance.random() < 0.5:
            engine.purge(requests[0].namespace)
        most = min(12, len(requests))
        yield _together(engine, chance.sample(requests, k=chance.randrange(1, most + 1)))


def _interrupted(engine: EngineCore, interrupter: _Interrupter, requests: Sequence[ScoreRequest]) -> Logits:
    """Long requests that nobody waits for, and while they run those that somebody does."""
    by_length = sorted(requests, key=lambda request: len(request.record), reverse=True)
    interrupter.urgent.extend(replace(request, priority=Priority.INTERACTIVE) for request in by_length[1::2])
    interrupter.submit = engine.submit
    patient = {r.id: engine.submit(replace(r, priority=Priority.BATCH)) for r in by_length[::2]}
    found = {name: _logits(future.result()) for name, future in patient.items()}
    while interrupter.urgent:
        interrupter.let_in()
    return found | {name: _logits(future.result()) for name, future in interrupter.futures.items()}


def _logits(result: ScoreResult) -> tuple[float, ...]:
    return tuple(logit for answer in result.answers for logit in answer.logits)


def _against(way: str, alone: Logits, others: Sequence[Logits] | Iterator[Logits]) -> Finding:
    gaps = [
        (name, max(abs(left - right) for left, right in zip(alone[name], found, strict=True)))
        for other in others
        for name, found in other.items()
    ]
    differing = [name for name, gap in gaps if gap > 0.0]
    return Finding(
        way=way,
        compared=len(gaps),
        differing=len(differing),
        largest=max(gap for _, gap in gaps),
        first=min(differing, default=None),
        preemptions=0,
    )
