"""`engine_top` reads a worker's own page and shows what an operator asks first."""

import math
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from prometheus_client import REGISTRY

from apps.jobs import worker
from apps.jobs.top.frame import model_lines, worker_line
from apps.jobs.top.reading import Reading, Span, quantile
from inference.metrics.fan import all_metrics
from tests.inference.test_metrics import RESULT, STEP


@pytest.fixture
def observer():
    """What a worker's engine tells, on the page that a worker shows."""
    before = set(REGISTRY._collector_to_names)
    yield all_metrics(REGISTRY, device="cpu")
    for collector in set(REGISTRY._collector_to_names) - before:
        REGISTRY.unregister(collector)


@pytest.fixture
def health(observer):
    served = worker.Health("127.0.0.1", 0)
    served.start()
    yield served
    served.stop()


def reading(health, at_s: float) -> Reading:
    return Reading.parse(health.answer("/metrics")[2].decode(), at_s=at_s)


def test_a_frame_shows_rates_between_two_readings(health, observer):
    observer.on_step(STEP)
    before = reading(health, 10.0)
    for _ in range(6):
        observer.on_result("risk", RESULT, 0.07)
    observer.on_step(STEP)
    observer.on_failure("risk", "shed")

    (line,) = model_lines("here", Span(before, reading(health, 12.0)))

    assert (line.requests_per_s, line.tokens_per_s, line.shed) == (3.5, 350.0, 1)
    assert line.p50_ms == pytest.approx(72.5)
    assert line.p99_ms == pytest.approx(84.75)
    assert (line.fill, line.hit_rate, line.budget, line.preempted) == (0.7, 0.92, 1064, 4)


def test_where_nothing_came_a_frame_shows_what_was(health, observer):
    observer.on_step(STEP)
    observer.on_result("risk", RESULT, 0.07)
    now = reading(health, 10.0)

    (line,) = model_lines("here", Span(now, now))

    assert (line.requests_per_s, line.hit_rate, line.first_token_ms) == (0.0, 0.92, None)
    assert line.p50_ms == pytest.approx(72.5)


def test_a_workers_line_shows_its_queue_and_blocks(health, observer):
    observer.on_step(STEP)
    now = reading(health, 10.0)

    line = worker_line("here", Span(now, now))

    assert (line.running, line.waiting, line.kv_usage, line.backlog) == (3, 5, 0.2, 0)


def test_a_worker_that_began_again_is_counted_from_zero():
    before = Reading.parse("# TYPE a counter\na_total 9\n", at_s=0.0)
    after = Reading.parse("# TYPE a counter\na_total 4\n", at_s=2.0)

    assert Span(before, after).rate("a_total") == 2.0


def test_a_quantile_above_every_bound_is_the_last_one():
    assert quantile(0.99, [(0.1, 1.0), (math.inf, 2.0)]) == 0.1
    assert quantile(0.5, []) is None


def test_once_prints_one_frame_of_a_running_worker(health, observer):
    observer.on_step(STEP)
    observer.on_result("risk", RESULT, 0.07)
    out = StringIO()

    call_command("engine_top", f"127.0.0.1:{health.port}", "--once", "--interval", "0.01", stdout=out)

    shown = out.getvalue()
    assert f"127.0.0.1:{health.port}" in shown
    assert "risk" in shown
    assert "92 %" in shown


def test_a_worker_that_does_not_answer_is_shown_beside_one_that_does(health):
    out = StringIO()

    call_command("engine_top", f"127.0.0.1:{health.port}", "127.0.0.1:9", "--once", "--interval", "0.01", stdout=out)

    assert "no answer" in out.getvalue()


def test_nobody_to_show_is_an_error():
    with pytest.raises(CommandError, match=r"no worker answers at 127\.0\.0\.1:9"):
        call_command("engine_top", "127.0.0.1:9", "--once")
