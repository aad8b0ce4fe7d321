"""A worker that comes back from the dead, and one whose engine hangs."""

import os
import signal

import pytest

from apps.jobs.runtime import STALLED
from tests.chaos.world import World, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(120)]

JOBS = 10
LEASE_S = 4.0  # of the kinds in work.py
RUNNING = "SELECT count(*) FROM jobs_job WHERE status = 'running'"
DONE = "SELECT count(*) FROM jobs_job WHERE status = 'succeeded'"
EFFECTS = "SELECT count(*) FROM chaos_effect"
REJECTIONS = "SELECT count(*) FROM chaos_rejection"


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


def test_a_hung_engine_ends_its_process_and_the_next_does_the_job(world: World):
    world.submit("chaos.hang", count=1)
    hung = world.worker()

    assert hung.wait(timeout=30) == STALLED

    world.reconciler()
    world.worker()
    wait_for(lambda: world.ask(DONE) == 1, timeout_s=LEASE_S + 30, what="the next worker does the job")
    assert world.ask(EFFECTS) == 1
    assert world.ask("SELECT attempts FROM jobs_job") == 2
