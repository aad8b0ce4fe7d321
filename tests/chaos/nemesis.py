"""Kills and emptyings at random moments, under load."""

import random
import time

from tests.chaos.oracle import Verdict, verdict
from tests.chaos.world import MANAGE, World, kill, wait_for

SETTLE_S = 30.0
OPEN = "SELECT count(*) FROM jobs_job WHERE status IN ('queued', 'running')"
ENDED = "SELECT count(*) FROM jobs_job WHERE status NOT IN ('queued', 'running')"


def torment(
    world: World,
    *,
    kind: str,
    rate: float,
    kills: int,
    flushes: int,
    seed: int,
    reconciler: bool,
    **worker_options: str,
) -> Verdict:
    """Submit ``rate`` jobs a second; kill the worker while it works, and empty Redis between some of the kills."""
    chance = random.Random(seed)
    ledger, until = world.state / "ledger", world.state / "enough"
    options = ["--rate", str(rate), "--ledger", str(ledger), "--until", str(until)]
    load = world.start("load", [*MANAGE, "submit_load", kind, *options])
    guard = world.reconciler() if reconciler else None
    flush_after = set(chance.sample(range(kills), flushes))
    worker = world.worker(**worker_options)
    for number in range(kills):
        await_work(world)
        time.sleep(chance.uniform(0.0, 1.5))
        kill(worker)
        killed_at = time.time()
        worker = world.worker(**worker_options)
        if number in flush_after:
            time.sleep(chance.uniform(0.0, 2.0))
            world.redis.flushall()
    await_work(world)
    until.touch()
    load.wait(timeout=30)
    settle(world)
    for process in filter(None, (worker, guard)):
        kill(process)
    return verdict(world.database_url, ledger, last_kill_at=killed_at)


def await_work(world: World) -> None:
    """Wait until a worker ends jobs."""
    before = world.ask(ENDED)
    wait_for(lambda: world.ask(ENDED) > before, timeout_s=60, what="no worker ends any job")


def settle(world: World) -> None:
    """Give everything the time it may take to end."""
    begun = time.monotonic()
    while world.ask(OPEN) and time.monotonic() - begun < SETTLE_S:
        time.sleep(0.1)
