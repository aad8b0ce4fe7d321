"""Requests over REST while workers, Redis and PostgreSQL are struck down: what was acknowledged is kept."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial

import psycopg
import pytest

from tests.chaos.bank import Bank, Verdict, empty_redis, stop_postgresql
from tests.chaos.world import World, kill, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

RATE, SEED = 20, 20261124
ENDED = "SELECT count(*) FROM jobs_job WHERE status = 'succeeded'"


@pytest.fixture
def bank(world: World) -> Bank:
    return Bank(world)


def show(capsys, title: str, verdict: Verdict, **more: float) -> None:
    with capsys.disabled():
        values = {**asdict(verdict), **more}
        print(f"\n{title}: " + ", ".join(f"{name} {value}" for name, value in values.items()))


def killed(bank: Bank, *, kills: int, acked: int) -> float:
    """Kill the worker again and again, each time once it works; returns when it last was."""
    chance = random.Random(SEED)
    worker = bank.worker()
    traffic = bank.traffic(rate=RATE)
    wait_for(lambda: bool(bank.acked()), timeout_s=60, what="nothing is acknowledged")
    last = time.time()
    for _ in range(kills):
        before = bank.world.ask(ENDED)
        wait_for(partial(more_than, lambda: bank.world.ask(ENDED), before), timeout_s=60, what="no worker works")
        time.sleep(chance.uniform(0.2, 2.0))
        kill(worker)
        last = time.time()
        worker = bank.worker()
    wait_for(lambda: len(bank.acked()) >= acked, timeout_s=300, what="too little is acknowledged")
    bank.enough(traffic)
    return last


@pytest.mark.parametrize(("kills", "acked"), [(50, 2000)])
def test_fifty_kills_of_the_worker_lose_double_and_change_nothing(bank: Bank, capsys, kills, acked):
    bank.web()
    bank.world.reconciler()

    last = killed(bank, kills=kills, acked=acked)
    bank.settle()

    verdict = bank.verdict(last_blow_at=last)
    show(capsys, f"{kills} kill -9 of the worker", verdict)
    assert verdict.kept
    assert verdict.acked >= acked
    assert verdict.settled_s <= 30
    assert "500" not in verdict.statuses


def test_without_the_reconciler_the_same_kills_lose_requests(bank: Bank, capsys):
    bank.web()

    last = killed(bank, kills=15, acked=600)
    bank.settle(timeout_s=30)

    verdict = bank.verdict(last_blow_at=last)
    show(capsys, "control, no reconciler: 15 kill -9 of the worker", verdict)
    assert verdict.lost > 0
    assert verdict.twice == 0


def struck(bank: Bank, blow: Callable[[World], None], *, blows: int, seen: Callable[[], int]) -> tuple[float, float]:
    """Strike under load; returns when it last did, and the longest time in seconds until work went on."""
    chance = random.Random(SEED)
    traffic = bank.traffic(rate=RATE)
    wait_for(lambda: seen() > RATE, timeout_s=60, what="nothing is done")
    pauses = []
    for _ in range(blows):
        time.sleep(chance.uniform(1.0, 3.0))
        last, before = time.time(), seen()
        blow(bank.world)
        pauses.append(wait_for(partial(more_than, seen, before + RATE), timeout_s=60, what="no work is done"))
    bank.enough(traffic)
    bank.settle()
    return last, max(pauses)


def more_than(seen: Callable[[], int], count: int) -> bool:
    """Whether there is more by now. A server that is away has seen nothing."""
    with suppress(psycopg.OperationalError):
        return seen() > count
    return False


def test_redis_emptied_and_restarted_twenty_times_loses_nothing(bank: Bank, capsys):
    bank.web()
    bank.world.reconciler()
    bank.worker()

    last, pause_s = struck(bank, empty_redis, blows=20, seen=lambda: bank.world.ask(ENDED))

    verdict = bank.verdict(last_blow_at=last)
    show(capsys, "Redis emptied and restarted 20 times", verdict, longest_pause_s=round(pause_s, 1))
    assert verdict.kept
    assert "500" not in verdict.statuses
    assert pause_s <= 30
    assert verdict.settled_s <= 30


def test_without_the_reconciler_an_emptied_redis_loses_requests(bank: Bank, capsys):
    bank.web()
    bank.worker()

    last, _ = struck(bank, empty_redis, blows=3, seen=lambda: bank.world.ask(ENDED))

    verdict = bank.verdict(last_blow_at=last)
    show(capsys, "control, no reconciler: Redis emptied and restarted 3 times", verdict)
    assert verdict.lost > 0


def test_postgresql_stopped_at_once_twenty_times_loses_nothing(bank: Bank, capsys):
    bank.web()
    bank.world.reconciler()
    bank.worker()

    last, pause_s = struck(bank, stop_postgresql, blows=20, seen=lambda: len(bank.acked()))

    verdict = bank.verdict(last_blow_at=last)
    show(capsys, "PostgreSQL stopped at once 20 times", verdict, longest_pause_s=round(pause_s, 1))
    assert verdict.kept
    assert "500" not in verdict.statuses
    assert pause_s <= 15


def test_commits_that_do_not_wait_for_the_disk_lose_requests_when_postgresql_stops(bank: Bank, capsys):
    bank.web(CHAOS_COMMIT="off")
    bank.world.reconciler()
    bank.worker(CHAOS_COMMIT="off")

    last, _ = struck(bank, stop_postgresql, blows=6, seen=lambda: len(bank.acked()))

    verdict = bank.verdict(last_blow_at=last)
    show(capsys, "control, synchronous_commit off: PostgreSQL stopped at once 6 times", verdict)
    assert not verdict.kept
