"""Work that ends its worker: it is given up after three attempts, and takes nobody along."""

import random
import subprocess

import pytest

from tests.chaos.world import World, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(400)]

HEALTHY, POISONS, ATTEMPTS = 300, ("chaos.kill", "chaos.exit", "chaos.bomb"), 3
OPEN = "SELECT count(*) FROM jobs_job WHERE status IN ('queued', 'running')"
DONE = "SELECT count(*) FROM jobs_job WHERE kind = 'chaos.sleep' AND status = 'succeeded'"
DEAD = "SELECT count(*) FROM jobs_job WHERE kind <> 'chaos.sleep' AND status = 'failed' AND attempts = 3"
EFFECTS = "SELECT count(DISTINCT job_id) FROM chaos_effect"


class Shepherd:
    """Starts the worker again whenever it has ended."""

    def __init__(self, world: World, **environment: str) -> None:
        self.restarts = -1
        self._world, self._environment = world, environment
        self._worker: subprocess.Popen[bytes] | None = None

    def all_ended(self) -> bool:
        """Whether nothing is open any more."""
        if self._worker is None or self._worker.poll() is not None:
            self.restarts += 1
            self._worker = self._world.worker(**self._environment)
        return self._world.ask(OPEN) == 0


def submit(world: World) -> None:
    """The poison somewhere among the healthy."""
    chance = random.Random(20261124)
    cuts = sorted(chance.randrange(HEALTHY) for _ in POISONS)
    for poison, first, last in zip(POISONS, [0, *cuts], [*cuts, HEALTHY], strict=False):
        world.submit("chaos.sleep", count=last - first)
        world.submit(poison, count=1)
    world.submit("chaos.sleep", count=HEALTHY - cuts[-1])


def test_three_poison_jobs_die_alone_among_three_hundred(world: World, capsys):
    submit(world)
    world.reconciler()
    shepherd = Shepherd(world)

    seconds = wait_for(shepherd.all_ended, timeout_s=180, what="jobs stay open")

    figures = (world.ask(DONE), world.ask(DEAD), world.ask(EFFECTS), shepherd.restarts)
    with capsys.disabled():
        print(f"\npoison: {figures[0]} healthy done, {figures[1]} dead, {figures[3]} restarts, {seconds:.0f} s")
    assert figures[:3] == (HEALTHY, len(POISONS), HEALTHY)
    assert shepherd.restarts <= ATTEMPTS * len(POISONS)


def test_without_counted_attempts_poison_kills_for_ever(world: World, capsys):
    world.submit("chaos.kill", count=1)
    world.reconciler(CHAOS_WITHOUT="attempts")
    shepherd = Shepherd(world, CHAOS_WITHOUT="attempts")

    with pytest.raises(TimeoutError):
        wait_for(shepherd.all_ended, timeout_s=45, what="jobs stay open")

    with capsys.disabled():
        print(f"\ncontrol, attempts not counted: {shepherd.restarts} restarts and still going")
    assert shepherd.restarts > ATTEMPTS
