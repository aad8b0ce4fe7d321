"""Processes that are asked to end, and a PostgreSQL that drops its connections."""

import signal
import subprocess
import time

import psycopg
import pytest

from tests.chaos.bank import Bank
from tests.chaos.world import World, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

JOBS = 10
RATE = 10
QUEUED = "SELECT count(*) FROM jobs_job WHERE status = 'queued'"
SOFT_STOP_S = 15.0  # worker_soft_shutdown_timeout in settings/celery.py
DONE = "SELECT count(*) FROM jobs_job WHERE status = 'succeeded'"


def test_a_worker_that_is_asked_to_end_finishes_what_it_holds(world: World):
    world.submit("chaos.nap", count=JOBS)
    worker = world.worker()
    running = "SELECT count(*) FROM jobs_job WHERE status = 'running'"
    wait_for(lambda: world.ask(running) == JOBS, timeout_s=30, what="the worker takes the jobs")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=20) == 0
    assert world.ask("SELECT count(*) FROM jobs_job WHERE status = 'succeeded' AND attempts = 1") == JOBS


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("stop", "times"), [(signal.SIGTERM, 20), (signal.SIGQUIT, 10)])
def test_stops_under_load_lose_nothing_and_cost_no_answer(world: World, capsys, stop: signal.Signals, times: int):
    bank = Bank(world)
    bank.web()
    world.reconciler()
    worker = bank.worker()
    traffic = bank.traffic(rate=RATE)
    took = []
    for _ in range(times):
        before = world.ask(DONE)
        wait_for(lambda: world.ask(DONE) > before + 5, timeout_s=60, what="nothing is done")  # noqa: B023
        wait_for(
            lambda: world.ask(QUEUED) < RATE, timeout_s=60, what="the queue stays full"
        )  # what waited while none was there
        took.append(stopped(worker, stop))
        worker = bank.worker()
    bank.enough(traffic)
    bank.settle()

    verdict = bank.verdict(last_blow_at=time.time())
    dead = world.ask("SELECT count(*) FROM jobs_job WHERE status = 'failed'")
    with capsys.disabled():
        print(f"\n{times} {stop.name} under load: {verdict}, {dead} dead, longest end {max(took):.1f} s")
    assert verdict.kept
    assert (verdict.degraded, dead) == (0, 0)
    assert max(took) <= SOFT_STOP_S + 2


def stopped(worker: "subprocess.Popen[bytes]", stop: signal.Signals) -> float:
    """Ask a worker to end; returns the seconds it took."""
    begun = time.monotonic()
    worker.send_signal(stop)
    worker.wait(timeout=60)
    return time.monotonic() - begun


def test_a_reconciler_that_is_asked_to_end_ends_well(world: World):
    reconciler = world.reconciler()
    wait_for(lambda: connections(world) > 0, timeout_s=30, what="the reconciler connects")

    reconciler.send_signal(signal.SIGTERM)

    assert reconciler.wait(timeout=10) == 0


def test_a_reconciler_outlives_its_connections_and_is_punctual(world: World):
    world.submit("chaos.sleep", count=1)
    world.reconciler()
    wait_for(lambda: connections(world) > 0, timeout_s=30, what="the reconciler connects")
    change(world, f"SELECT pg_terminate_backend(pid) {OTHERS}")

    change(world, "UPDATE jobs_job SET deadline_at = now() + interval '3 seconds'")
    wait_for(
        lambda: world.ask("SELECT count(*) FROM jobs_job WHERE status = 'expired'") == 1, timeout_s=15, what="it ends"
    )

    late_ms = "SELECT extract(epoch FROM finished_at - deadline_at) * 1000 FROM jobs_job"
    assert 0 <= world.ask(late_ms) < 1000


OTHERS = "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


def connections(world: World) -> int:
    return world.ask(f"SELECT count(*) {OTHERS}")


def change(world: World, statement: str) -> None:
    with psycopg.connect(world.database_url, autocommit=True) as connection:
        connection.execute(statement.encode())
    time.sleep(0.1)
