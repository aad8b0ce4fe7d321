"""The engine as its callers see it: results, refusals, tenants, deadlines, the end."""

import threading
import time

import pytest
import torch

from inference.api import (
    Cancelled,
    DeadlineExceeded,
    EngineError,
    EngineStopped,
    InvalidRequest,
    OutOfBlocks,
    QueueFull,
    Shed,
    TokenPosition,
    UnknownModel,
    Usage,
    WindowExceeded,
)
from inference.engine import EngineCore
from inference.metrics import EngineObserver, StepReport
from tests.checkpoints import config, load
from tests.inference.engine.requests import ask, lane_of, logits, serving, tokens

RECORD = tokens(40, seed=1)


class Gate:
    """Holds the engine in the middle of its steps until it is opened."""

    def __init__(self, engine: EngineCore) -> None:
        self.inside, self._open = threading.Event(), threading.Event()
        lane_of(engine)._runner._embed.register_forward_pre_hook(self._wait)

    def _wait(self, *_: object) -> None:
        self.inside.set()
        assert self._open.wait(timeout=30)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def engine(qwen3):
    with serving(qwen3, max_queue=3) as started:
        yield started


@pytest.fixture
def busy(engine):
    """An engine held in the middle of its first step, and the request in it."""
    gate = Gate(engine)
    future = engine.submit(ask(RECORD, id="first"))
    assert gate.inside.wait(timeout=30)
    yield engine, gate, future
    gate.open()


def test_a_result_says_who_computed_it_and_what_it_cost(engine):
    result = engine.submit(ask(RECORD, tokens(2, seed=2), tokens(3, seed=3))).result()

    assert result.model == lane_of(engine).loaded.ref
    assert result.usage == Usage(total=45, cached=0, shared=0, computed=45)
    assert result.answer("q1").probabilities == pytest.approx(result.answers[1].probabilities)
    assert sum(result.answers[0].probabilities) == pytest.approx(1.0)


def test_the_second_request_reads_the_full_blocks_of_the_first(engine):
    engine.submit(ask(RECORD)).result()

    usage = engine.submit(ask(RECORD + tokens(5, seed=5))).result().usage

    assert usage == Usage(total=47, cached=32, shared=0, computed=15)


def test_two_requests_of_one_step_share_their_prefix(busy):
    engine, gate, _ = busy
    futures = [engine.submit(ask(tokens(64, seed=7), id=name)) for name in ("a", "b")]

    gate.open()

    assert [future.result().usage.shared for future in futures] == [0, 64]


def test_another_namespace_finds_nothing(engine):
    mine = engine.submit(ask(RECORD, namespace="bank")).result()
    other = engine.submit(ask(RECORD, namespace="hospital")).result()

    assert other.usage.cached == 0
    assert logits(other) == logits(mine)


def test_a_purged_namespace_leaves_nothing_in_memory(engine):
    engine.submit(ask(RECORD, namespace="bank")).result()

    assert engine.purge("bank") == 2

    pools = lane_of(engine)._runner._kv.pools.values()
    assert not any(pool[:, 16:].any() for pair in pools for pool in pair)
    assert engine.submit(ask(RECORD, namespace="bank")).result().usage.cached == 0


def test_purging_one_namespace_leaves_the_other(engine):
    engine.submit(ask(RECORD, namespace="bank")).result()
    engine.submit(ask(RECORD, namespace="hospital")).result()

    engine.purge("bank")

    assert engine.submit(ask(RECORD, namespace="hospital")).result().usage.cached == 32


def test_what_runs_while_its_namespace_is_purged_leaves_nothing_either(busy):
    engine, gate, future = busy
    purge = threading.Thread(target=engine.purge, args=("bank",))
    purge.start()

    gate.open()
    future.result()
    purge.join()

    assert engine.stats().blocks_cached == 0


def test_a_cancelled_request_raises_and_leaves_no_block(busy):
    engine, gate, _ = busy
    waiting = engine.submit(ask(RECORD, id="second"))

    assert engine.cancel("second")
    gate.open()

    assert isinstance(waiting.exception(timeout=30), Cancelled)
    assert not engine.cancel("second")


def test_nobody_cancels_what_is_not_in_flight(engine):
    assert not engine.cancel("unheard of")


def test_a_deadline_in_the_past_is_exceeded(engine):
    future = engine.submit(ask(RECORD, deadline_at=time.monotonic() - 1.0))

    assert isinstance(future.exception(timeout=30), DeadlineExceeded)


def test_a_deadline_in_the_future_is_kept(engine):
    assert engine.submit(ask(RECORD, deadline_at=time.monotonic() + 60.0)).result().answers


def test_a_full_queue_refuses_at_once(busy):
    engine, _, _ = busy
    futures = [engine.submit(ask(RECORD, id=f"w{index}")) for index in range(3)]

    with pytest.raises(QueueFull):
        engine.submit(ask(RECORD, id="too many"))

    assert len(futures) == 3


def test_an_id_in_flight_is_refused(busy):
    engine, _, _ = busy
    with pytest.raises(InvalidRequest, match="in flight"):
        engine.submit(ask(RECORD, id="first"))


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (ask(RECORD, model="unheard of"), UnknownModel),
        (ask(tokens(1024, seed=1)), WindowExceeded),
        (ask((TokenPosition(64),)), InvalidRequest),
    ],
)
def test_what_cannot_be_read_is_refused_at_the_door(engine, request_, error):
    with pytest.raises(error):
        engine.submit(request_)

    assert engine.stats().waiting == 0


def test_a_request_that_outgrows_its_namespaces_quota_fails(qwen3):
    with serving(qwen3) as engine:
        lane_of(engine).cache.namespace_blocks = 2
        future = engine.submit(ask(RECORD))

        assert isinstance(future.exception(timeout=30), OutOfBlocks)


def test_a_failed_step_fails_its_requests_and_nothing_else(engine):
    hook = lane_of(engine)._runner._embed.register_forward_pre_hook(lambda *_: 1 / 0)
    failed = engine.submit(ask(RECORD)).exception(timeout=30)

    hook.remove()

    assert type(failed) is EngineError
    assert engine.submit(ask(RECORD)).result().usage.cached == 0


def test_an_answer_that_is_not_a_number_fails_its_request(engine):
    lane_of(engine)._runner._head.register_forward_hook(lambda _module, _args, out: out * float("nan"))

    assert engine.submit(ask(RECORD)).exception(timeout=30).code == "not_finite"


def test_a_draining_engine_finishes_what_it_has_and_takes_no_more(busy):
    engine, gate, future = busy

    assert not engine.drain(timeout_s=0.05)
    with pytest.raises(EngineStopped):
        engine.submit(ask(RECORD, id="late"))
    gate.open()

    assert engine.drain(timeout_s=30)
    assert future.done()


def test_stopping_fails_what_is_in_flight(qwen3):
    engine = EngineCore([load(qwen3)], config(memory_mb=48, max_batch_positions=16))
    engine.start()
    gate = Gate(engine)
    future = engine.submit(ask(RECORD))
    assert gate.inside.wait(timeout=30)
    stopping = threading.Thread(target=engine.stop)
    stopping.start()
    time.sleep(0.1)

    gate.open()
    stopping.join()

    assert isinstance(future.exception(timeout=30), EngineStopped)
    assert engine.stats().blocks_used == 0


def test_two_checkpoints_share_one_engine(checkpoints):
    models = [load(checkpoints["qwen3"], name="one"), load(checkpoints["llama"], name="two")]
    engine = EngineCore(models, config(memory_mb=48))
    engine.start()

    answers = [engine.submit(ask(RECORD, model=name, id=name)).result() for name in ("one", "two")]
    engine.stop()

    assert [answer.model.name for answer in answers] == ["one", "two"]
    assert logits(answers[0]) != logits(answers[1])


def test_too_little_memory_stops_at_the_start(qwen3):
    with pytest.raises(ValueError, match="memory_mb"):
        EngineCore([load(qwen3)], config(memory_mb=1))


def test_an_observer_hears_of_steps_results_and_failures(qwen3):
    heard = []

    class Observer(EngineObserver):
        def on_step(self, report: StepReport) -> None:
            heard.append(("step", report.positions, report.cached_positions))

        def on_result(self, model, result, latency_s) -> None:
            heard.append(("result", model, latency_s > 0))

        def on_generated(self, model, result, latency_s) -> None:
            heard.append(("generated", model, result.tokens))

        def on_failure(self, model, code) -> None:
            heard.append(("failure", model, code))

    engine = EngineCore([load(qwen3)], config(memory_mb=48), observer=Observer())
    engine.start()
    engine.submit(ask(RECORD)).result()
    engine.submit(ask(RECORD, deadline_at=0.0)).exception(timeout=30)
    engine.stop()

    assert heard == [("step", 42, 0), ("result", "tiny", True), ("failure", "tiny", "deadline_exceeded")]


def test_a_hanging_step_is_reported(qwen3):
    stalled = threading.Event()
    engine = EngineCore([load(qwen3)], config(memory_mb=48, stall_timeout_s=0.2), on_stall=stalled.set)
    engine.start()
    gate = Gate(engine)
    engine.submit(ask(RECORD))

    assert stalled.wait(timeout=10)
    gate.open()
    engine.stop()


def test_the_engines_thread_uses_the_configured_threads(qwen3):
    seen: list[int] = []
    with serving(qwen3, threads=2) as engine:
        embed = lane_of(engine)._runner._embed
        embed.register_forward_pre_hook(lambda *_: seen.append(torch.get_num_threads()))
        engine.submit(ask(RECORD)).result()

    assert seen == [2]


def test_a_request_that_would_be_late_is_shed_and_nothing_is_computed_for_it(qwen3):
    with serving(qwen3, max_batch_positions=16) as engine:
        engine.submit(ask(tokens(400, seed=1))).result()  # 26 steps to learn from
        free = engine.stats().blocks_free

        late = engine.submit(ask(tokens(1000, seed=2), deadline_at=time.monotonic() + 0.01)).exception(timeout=30)

        assert isinstance(late, Shed)
        assert late.own_s > 0.01
        assert engine.stats().blocks_free == free


def test_an_engine_that_zeroes_leaves_nothing_of_a_request_that_the_cache_does_not_keep(qwen3):
    with serving(qwen3, zeroes_freed=True) as engine:
        engine.submit(ask(tokens(10, seed=1))).result()

        pools = lane_of(engine)._runner._kv.pools.values()
        assert not any(pool[:, 16:].any() for pair in pools for pool in pair)


def test_an_idle_engine_forgets_and_zeroes_what_was_idle_for_too_long(qwen3):
    with serving(qwen3, idle_ttl_s=0.05) as engine:
        engine.submit(ask(RECORD)).result()
        while engine.stats().blocks_cached:
            time.sleep(0.01)
        engine.purge("nobody")  # comes after the errand that forgot them

        kept = [pool[:, 16:48] for pair in lane_of(engine)._runner._kv.pools.values() for pool in pair]
        assert not any(pool.any() for pool in kept)
