"""A worker that comes back from the dead, and one whose engine hangs."""

import os
import signal
import subprocess

import pytest

from apps.jobs.runtime import STALLED
from tests.chaos.world import World, kill, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

JOBS = 10
LEASE_S = 4.0  # of the kinds in work.py
RUNNING = "SELECT count(*) FROM jobs_job WHERE status = 'running'"
DONE = "SELECT count(*) FROM jobs_job WHERE status = 'succeeded'"
EFFECTS = "SELECT count(*) FROM chaos_effect"
REJECTIONS = "SELECT count(*) FROM chaos_rejection"
CAME_BACK = (
    "SELECT (SELECT count(*) FROM chaos_effect) + (SELECT count(*) FROM chaos_rejection) - count(*) FROM jobs_job"
)
ZOMBIES = 30


def test_a_worker_that_wakes_after_its_lease_overwrites_nothing(world: World):
    world.submit("chaos.nap", count=JOBS)
    zombie = world.worker()
    wait_for(lambda: world.ask(RUNNING) == JOBS, timeout_s=30, what="the worker takes the jobs")
    os.killpg(zombie.pid, signal.SIGSTOP)

    world.reconciler()
    world.worker()
    wait_for(lambda: world.ask(DONE) == JOBS, timeout_s=LEASE_S + 30, what="another worker does the jobs")
    os.killpg(zombie.pid, signal.SIGCONT)
    wait_for(lambda: world.ask(REJECTIONS) == JOBS, timeout_s=30, what="the zombie is refused")

    assert world.ask(EFFECTS) == JOBS
    assert world.ask("SELECT count(*) FROM chaos_effect WHERE fence = 2") == JOBS
    assert world.ask("SELECT count(*) FROM chaos_rejection WHERE fence = 1") == JOBS


def zombie_wakes(world: World, number: int, **environment: str) -> None:
    """One worker is stopped in the middle of a job; it wakes when another has done it."""
    world.submit("chaos.doze", count=1)
    zombie = world.worker(**environment)
    wait_for(lambda: world.ask(RUNNING) == 1, timeout_s=30, what="the worker takes the job")
    os.killpg(zombie.pid, signal.SIGSTOP)
    other = world.worker(**environment)
    wait_for(lambda: world.ask(DONE) == number, timeout_s=30, what="another worker does the job")
    kill(other)
    os.killpg(zombie.pid, signal.SIGCONT)
    wait_for(lambda: world.ask(CAME_BACK) == number, timeout_s=30, what="the zombie comes back")
    kill(zombie)


@pytest.mark.timeout(600)
def test_thirty_zombies_are_refused(world: World, capsys):
    world.reconciler()

    for number in range(1, ZOMBIES + 1):
        zombie_wakes(world, number)

    with capsys.disabled():
        print(f"\nzombies: {world.ask(REJECTIONS)} of {ZOMBIES} refused, {world.ask(EFFECTS)} effects")
    assert (world.ask(REJECTIONS), world.ask(EFFECTS)) == (ZOMBIES, ZOMBIES)


def test_without_the_fence_a_zombie_writes_once_more(world: World, capsys):
    world.reconciler()

    zombie_wakes(world, 1, CHAOS_WITHOUT="fence")

    with capsys.disabled():
        print(f"\ncontrol, no fence: {world.ask(EFFECTS)} effects of 1 job")
    assert world.ask(EFFECTS) == 2


def test_without_the_watchdog_a_hung_engine_keeps_its_process(world: World):
    world.submit("chaos.hang", count=1)
    hung = world.worker(CHAOS_WITHOUT="watchdog")
    wait_for(lambda: world.ask(RUNNING) == 1, timeout_s=30, what="the worker takes the job")

    with pytest.raises(subprocess.TimeoutExpired):
        hung.wait(timeout=15)


def test_a_hung_engine_ends_its_process_and_the_next_does_the_job(world: World):
    world.submit("chaos.hang", count=1)
    hung = world.worker()

    assert hung.wait(timeout=30) == STALLED

    world.reconciler()
    world.worker()
    wait_for(lambda: world.ask(DONE) == 1, timeout_s=LEASE_S + 30, what="the next worker does the job")
    assert world.ask(EFFECTS) == 1
    assert world.ask("SELECT attempts FROM jobs_job") == 2
