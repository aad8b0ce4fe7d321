"""One alone or many together, and when a job has to be alone."""

import threading
from datetime import timedelta

import pytest

from apps.jobs import services
from apps.jobs.models import LEASE_EXPIRED
from apps.jobs.services import NeedsSolitude
from apps.jobs.solitude import Room
from tests.jobs.conftest import NOW, facts, later, make_job

pytestmark = pytest.mark.django_db(transaction=True)


def lost(job, times: int) -> None:
    """The job's worker died that often."""
    for number in range(times):
        claim = services.claim(job_id=job.pk, now=NOW + timedelta(seconds=number))
        services.give_back(
            job_id=job.pk, fence=claim.fence, error_code=LEASE_EXPIRED, next_attempt_at=NOW, now=later(number)
        )


def test_the_last_attempt_of_a_job_that_was_lost_twice_is_made_alone(bank):
    job = make_job(bank)
    lost(job, times=2)

    with pytest.raises(NeedsSolitude):
        services.claim(job_id=job.pk, now=later(3))

    assert facts(job) == ("queued", 2, 2, LEASE_EXPIRED)
    assert services.claim(job_id=job.pk, now=later(3), alone=True).attempt == 3


def test_a_job_that_failed_by_itself_needs_no_solitude(bank):
    job = make_job(bank)
    for number in range(2):
        claim = services.claim(job_id=job.pk, now=later(10 * number))
        services.fail(claim=claim, error_code="internal_error", retry=True, now=later(10 * number))

    assert services.claim(job_id=job.pk, now=later(30)).attempt == 3


def test_who_is_alone_keeps_everybody_out_and_waits_for_those_inside():
    room, seen = Room(), []
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with room.together():
            entered.set()
            leave.wait(5)
            seen.append("left")

    def be_alone() -> None:
        with room.alone():
            seen.append("alone")

    threads = [threading.Thread(target=stay), threading.Thread(target=be_alone)]
    threads[0].start()
    entered.wait(5)
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join(5)

    assert seen == ["left", "alone"]
    with room.together(), room.together():
        seen.append("together")
    assert seen[-1] == "together"
