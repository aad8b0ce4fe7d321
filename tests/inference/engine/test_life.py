"""Any order of whatever can happen to an engine: nothing is lost, every request ends once, and no bit changes.

The engine is the real one with a tiny model and a pool of twelve blocks, turned by hand instead of by its thread.
A longer run: ``pytest --hypothesis-profile long tests/inference/engine/test_life.py``.
"""

import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference.api import EngineError, GenerateResult, Priority, Sampling, ScoreResult
from inference.checkpoints import LoadedModel
from inference.engine import EngineCore
from tests.checkpoints import config, load, make_qwen3
from tests.inference.engine.generations import write
from tests.inference.engine.requests import ask, lane_of, logits, tokens

BLOCKS = 12
NAMESPACES = ("bank", "hospital", "")
ENDINGS = {"answered", "cancelled", "deadline_exceeded", "shed", "engine_error"}
Shape = tuple[int, int, tuple[int, ...]]  # which line, how much of it, how long the questions
Text = tuple[int, int, int, float]  # which line, how much of it, how many tokens to write, how warm


@cache
def model() -> LoadedModel:
    """One layer, a window of 112 positions: seven blocks."""
    folder = Path(mkdtemp(prefix="assay-life-"))
    return load(make_qwen3(folder / "tiny", num_hidden_layers=1, max_position_embeddings=112))


class Ticking:
    """A clock that a look at takes a millisecond."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


class Turned:
    """An engine whose thread is the caller's."""

    def __init__(self, *, blocks: int = BLOCKS, budget: int = 48) -> None:
        self.clock = Ticking()
        settings = config(
            memory_mb=8, max_batch_positions=budget, namespace_quota=0.75, stall_timeout_s=1e9, idle_ttl_s=5.0
        )
        self.core = EngineCore([model()], settings, clock=self.clock)
        self.lane = lane_of(self.core)
        self.lane.allocate(blocks)
        self.core._accepting = self.core._running = True

    def turn(self) -> None:
        """What its thread does in one round; nothing if there is nothing to do."""
        if self.core._has_cause():
            assert self.core._attend()
            self.core._advance()

    def settle(self) -> None:
        """Turn until there is nothing left to do."""
        for _ in range(5000):
            if not self.core._has_cause():
                return
            self.turn()
        raise AssertionError("the engine never comes to rest")

    def purge(self, namespace: str) -> None:
        """Knock at the door as another thread does, and answer."""
        with ThreadPoolExecutor(1) as other:
            purging = other.submit(self.core.purge, namespace)
            while not self.core._errands:
                time.sleep(0.0001)
            self.turn()
            purging.result(timeout=10)


def request_of(shape: Shape, **changes):
    line, length, asked = shape
    return ask(tokens(100, seed=line)[:length], *(tokens(count, seed=count) for count in asked), **changes)


@cache
def alone(shape: Shape) -> list[tuple[float, ...]]:
    """What a request scores in an engine that never saw another."""
    turned = Turned(blocks=16, budget=1024)
    future = turned.core.submit(request_of(shape))
    turned.turn()
    return logits(future.result(timeout=0))


def text_of(text: Text, **changes):
    line, length, count, warmth = text
    sampling = Sampling(temperature=warmth, seed=line)
    return write(tokens(100, seed=line)[:length], max_tokens=count, sampling=sampling, **changes)


@cache
def written_alone(text: Text) -> tuple[int, ...]:
    """What is written in an engine that never saw another."""
    turned = Turned(blocks=16, budget=1024)
    future = turned.core.generate(text_of(text, speculate=False))
    turned.settle()
    return future.result(timeout=0).tokens


@settings(
    max_examples=settings().max_examples // 6,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
class Life(RuleBasedStateMachine):
    """Score, generate, step, fail, cancel, expire, purge, in three namespaces and three priorities."""

    def __init__(self) -> None:
        super().__init__()
        self.engine = Turned()
        self.shapes: dict[str, Shape | Text] = {}
        self.futures: dict[str, Future[ScoreResult] | Future[GenerateResult]] = {}
        self.ended: Counter[str] = Counter()

    @rule(
        line=st.sampled_from([1, 2]),
        length=st.sampled_from([0, 15, 16, 40, 64, 90]),
        asked=st.sampled_from([(2,), (1, 3), (17,), (3, 5, 2)]),
        namespace=st.sampled_from(NAMESPACES),
        priority=st.sampled_from(Priority),
        lasts=st.none() | st.sampled_from([0.004, 0.05, 1.0]),
    )
    def submit(self, line, length, asked, namespace, priority, lasts) -> None:
        name, shape = f"r{len(self.shapes)}", (line, length, asked)
        deadline_at = None if lasts is None else self.engine.clock.now + lasts
        request = request_of(shape, id=name, namespace=namespace, priority=priority, deadline_at=deadline_at)
        self.follow(name, shape, self.engine.core.submit(request))

    @rule(
        line=st.sampled_from([1, 2]),
        length=st.sampled_from([1, 16, 40, 64]),
        count=st.sampled_from([1, 5, 24]),
        warmth=st.sampled_from([0.0, 1.0]),
        speculate=st.booleans(),
        namespace=st.sampled_from(NAMESPACES),
        priority=st.sampled_from(Priority),
        lasts=st.none() | st.sampled_from([0.05, 1.0]),
    )
    def generate(self, line, length, count, warmth, speculate, namespace, priority, lasts) -> None:
        name, text = f"r{len(self.shapes)}", (line, length, count, warmth)
        request = text_of(
            text,
            id=name,
            namespace=namespace,
            priority=priority,
            speculate=speculate,
            deadline_at=None if lasts is None else self.engine.clock.now + lasts,
        )
        self.follow(name, text, self.engine.core.generate(request))

    def follow(self, name, shape, future) -> None:
        future.add_done_callback(lambda _: self.ended.update([name]))
        self.shapes[name], self.futures[name] = shape, future

    @rule()
    def step(self) -> None:
        self.engine.turn()

    @precondition(lambda self: self.shapes)
    @rule(data=st.data())
    def cancel(self, data) -> None:
        name = data.draw(st.sampled_from(sorted(self.shapes)))
        assert self.engine.core.cancel(name) == (not self.futures[name].done())

    @rule(seconds=st.sampled_from([0.01, 0.5, 6.0]))
    def wait(self, seconds) -> None:
        self.engine.clock.now += seconds

    @rule(namespace=st.sampled_from(NAMESPACES))
    def purge(self, namespace) -> None:
        self.engine.purge(namespace)

    @rule()
    def fail(self) -> None:
        hook = self.engine.lane._runner._embed.register_forward_pre_hook(lambda *_: 1 / 0)
        self.engine.turn()
        hook.remove()

    @invariant()
    def no_block_is_lost(self) -> None:
        cache, scheduler = self.engine.lane.cache, self.engine.lane.scheduler
        cache.check()
        assert cache.pool.free + cache.cached + cache.used == BLOCKS
        assert cache.used == len({block for work in scheduler.running for block in work.blocks})

    @invariant()
    def nobody_is_forgotten(self) -> None:
        open_ = {name for name, future in self.futures.items() if not future.done()}
        assert set(self.engine.core._flights) == open_
        assert self.engine.core._unsettled == len(open_)
        assert set(self.ended) == set(self.shapes) - open_
        assert set(self.ended.values()) <= {1}

    def teardown(self) -> None:
        self.engine.settle()
        for name, future in self.futures.items():
            assert self.how_it_ended(name, future) in ENDINGS
        for namespace in NAMESPACES:
            self.engine.purge(namespace)
        assert self.engine.lane.cache.pool.free == BLOCKS
        assert not any(pool[:, 16:].any() for pair in self.engine.lane._runner._kv.pools.values() for pool in pair)

    def how_it_ended(self, name, future) -> str:
        """With the bits it has alone, or with an error of the engine's."""
        error, shape = future.exception(timeout=0), self.shapes[name]
        if error is None:
            result = future.result()
            if isinstance(result, GenerateResult):
                assert result.tokens == written_alone(shape)
            else:
                assert logits(result) == alone(shape)
            return "answered"
        assert isinstance(error, EngineError)
        return error.code


TestLife = Life.TestCase
