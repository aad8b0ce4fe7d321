"""More than can be done: what can be is done, the rest is refused at once, and neighbours do not feel it.

Each arm prints one line. ``OVERLOAD_S`` in the environment shortens the 60 s for a first look.
"""

import os

import pytest

from tests.chaos.overload.figures import Neighbours, Overload, capacity, neighbours, overload
from tests.chaos.overload.site import Site, told
from tests.chaos.world import World, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

SECONDS = float(os.environ.get("OVERLOAD_S", "60"))
LANE_MS = 25.0  # 40 assessments a second
UNGUARDED = "gate admission"
OPEN = "SELECT count(*) FROM jobs_job WHERE status IN ('queued', 'running')"


@pytest.fixture
def site(world: World) -> Site:
    return Site(world, lane_ms=LANE_MS)


def show(capsys, title: str, figures: Overload | Neighbours | str) -> None:
    with capsys.disabled():
        print(f"\n{title}: {figures}")


@pytest.mark.parametrize("prefer", ["wait=10", "respond-async"])
def test_ten_times_the_capacity_costs_a_tenth_of_it_at_most(site: Site, capsys, prefer):
    web, key = site.serve(), site.key_of("First Bank")
    most = capacity(site, key, seconds=10)

    figures = overload(site, key, web_pid=web.pid, capacity=most, seconds=SECONDS, prefer=prefer)

    show(capsys, f"overload, {prefer}", figures)
    assert figures.holds


@pytest.mark.parametrize("prefer", ["wait=10", "respond-async"])
def test_without_gate_and_admission_it_does_not_hold(site: Site, capsys, prefer):
    web, key = site.serve(without=UNGUARDED), site.key_of("First Bank")
    most = capacity(site, key, seconds=10)

    figures = overload(site, key, web_pid=web.pid, capacity=most, seconds=SECONDS, prefer=prefer)

    show(capsys, f"overload without defences, {prefer}", figures)
    assert not figures.holds


@pytest.mark.parametrize("prefer", ["wait=10", "respond-async"])
def test_a_noisy_institution_leaves_another_its_answers(site: Site, capsys, prefer):
    site.serve()
    noisy, quiet = site.key_of("Noisy Bank"), site.key_of("Quiet Bank")
    most = capacity(site, noisy, seconds=10)

    figures = neighbours(site, noisy, quiet, capacity=most, seconds=SECONDS, prefer=prefer)

    show(capsys, f"noisy neighbour, {prefer}", figures)
    assert figures.success >= 0.99


def test_without_shares_a_noisy_institution_takes_them_away(site: Site, capsys):
    site.serve(without=UNGUARDED)
    noisy, quiet = site.key_of("Noisy Bank"), site.key_of("Quiet Bank")
    most = capacity(site, noisy, seconds=10)

    figures = neighbours(site, noisy, quiet, capacity=most, seconds=SECONDS, prefer="respond-async")

    show(capsys, "noisy neighbour without shares", figures)
    assert figures.success < 0.99


def test_no_inference_begins_after_its_deadline(site: Site, capsys):
    site.serve(without=UNGUARDED)  # which promises what cannot be done, so that deadlines pass in the queue
    key = site.key_of("First Bank")

    sending = site.send(
        key,
        "hurry",
        seconds=min(20.0, SECONDS),
        rate=50,
        prefer="respond-async",
        deadline_ms="4000 4000 4000 4000 4000 4000 4000 100 200 300",
    )
    answers = told(sending)
    wait_for(lambda: site.world.ask(OPEN) == 0, timeout_s=10, what="every job ends")

    left_s = [float(line) for line in site.starts.read_text().split()]
    expired = site.world.ask("SELECT count(*) FROM jobs_job WHERE status = 'expired'")
    degraded = site.world.ask("SELECT count(*) FROM riskscore_riskassessment WHERE status <> 'pending' AND degraded")
    show(
        capsys,
        "deadlines",
        f"asked {len(answers)}, begun {len(left_s)}, expired {expired}, begun late {sum(s <= 0 for s in left_s)}",
    )
    assert {answer.status for answer in answers} <= {201, 202}
    assert min(left_s) > 0
    assert expired == degraded > 0.2 * len(answers)
