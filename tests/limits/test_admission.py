"""Which jobs are promised, and whose are done first."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction

from apps.jobs import kinds, services
from apps.jobs.admission import Backlog, QueueFull, ShareExceeded, TooLate, backlog
from apps.jobs.fairness import claim_fairest
from apps.jobs.models import Job
from apps.tenants.models import Institution
from tests.jobs.conftest import NOW, later

pytestmark = pytest.mark.django_db

BOUNDED = kinds.JobKind(name="test.bounded", task_name="tests.none", queue="test-bounded", lease_s=30.0, open_bound=8)


@pytest.fixture(autouse=True)
def _kind():
    kinds.register(BOUNDED)


@pytest.fixture
def banks() -> list[Institution]:
    return [Institution.objects.create(name=name, kind="bank") for name in ("First", "Second", "Third")]


def promise(bank: Institution, *, times: int = 1, deadline_s: float = 60.0, at_s: float = 0.0, priority: int = 0):
    return [
        services.enqueue(
            institution=bank,
            kind=BOUNDED.name,
            subject_id=uuid4(),
            deadline_at=later(at_s + deadline_s),
            now=later(at_s),
            priority=priority,
        )
        for _ in range(times)
    ]


def test_one_institution_alone_gets_three_quarters_of_the_queue(banks):
    promise(banks[0], times=6)

    with pytest.raises(ShareExceeded) as refused, transaction.atomic():
        promise(banks[0])

    assert refused.value.retry_after_s == 1.0
    assert Job.objects.count() == 6


def test_another_still_finds_room(banks):
    promise(banks[0], times=6)

    assert len(promise(banks[1])) == 1


def test_at_its_bound_the_queue_takes_no_more_from_anybody(banks):
    for bank, jobs in zip(banks, (5, 2, 1), strict=True):
        promise(bank, times=jobs)

    with pytest.raises(QueueFull), transaction.atomic():
        promise(banks[2])

    assert Job.objects.count() == 8


def test_what_has_ended_makes_room(banks):
    jobs = promise(banks[0], times=6)
    services.cancel(job_id=jobs[0].pk, institution_id=banks[0].pk, now=NOW)

    assert len(promise(banks[0])) == 1


def test_what_cannot_be_done_before_its_deadline_is_refused_at_once(banks):
    done = promise(banks[0], times=2)
    for job in done:
        services.finish(claim=services.claim(job_id=job.pk, now=NOW), now=later(2))
    promise(banks[0], times=4)

    with pytest.raises(TooLate) as refused, transaction.atomic():
        promise(banks[0], at_s=4.0, deadline_s=5.0)

    assert refused.value.retry_after_s == pytest.approx(5.0)  # 4 ahead at 2 in 4 s are 8 s; of 5 s, 3 may be waited
    assert len(promise(banks[0], at_s=4.0, deadline_s=14.0)) == 1
    assert len(promise(banks[1], at_s=4.0, deadline_s=1.0)) == 1


def test_a_burst_after_a_quiet_time_is_not_refused(banks):
    assert backlog(kind=BOUNDED, institution_id=banks[0].pk, priority=0, now=NOW).wait_s == 0.0
    assert len(promise(banks[0], times=6, deadline_s=0.5)) == 6


@pytest.mark.parametrize(("mine", "parties", "wait_s"), [(0, 1, 0.0), (25, 2, 2.0), (90, 2, 4.0)])
def test_nobody_waits_longer_than_for_its_turns_or_for_all(mine, parties, wait_s):
    found = Backlog(mine=mine, total=100, mine_ahead=mine, ahead=100, parties=parties, behind_s=2.0, done=50)

    assert found.wait_s == wait_s


def test_jobs_nobody_waits_for_leave_half_of_the_queue(banks):
    promise(banks[0], times=3, priority=-1)
    promise(banks[1], times=1, priority=-1)

    with pytest.raises(QueueFull), transaction.atomic():
        promise(banks[2], priority=-1)

    assert len(promise(banks[2], times=2)) == 2


def test_jobs_that_are_less_urgent_delay_nobody(banks):
    promise(banks[0], times=3, priority=-1)
    services.finish(claim=services.claim(job_id=promise(banks[1])[0].pk, now=later(1)), now=later(2))

    assert backlog(kind=BOUNDED, institution_id=banks[0].pk, priority=0, now=later(4)).wait_s == 0.0
    assert backlog(kind=BOUNDED, institution_id=banks[0].pk, priority=-1, now=later(4)).wait_s == 12.0


def test_a_kind_without_a_bound_is_always_admitted(banks):
    unbounded = kinds.JobKind(name="test.free", task_name="tests.none", queue="test-bounded", lease_s=30.0)
    kinds.register(unbounded)

    for _ in range(9):
        services.enqueue(institution=banks[0], kind=unbounded.name, subject_id=uuid4(), deadline_at=later(60), now=NOW)

    assert Job.objects.filter(kind=unbounded.name, status=Job.Status.QUEUED).count() == 9


def test_the_institution_with_the_least_under_way_is_served_first(banks):
    flood, trickle = promise(banks[0], times=5), promise(banks[1])
    claims = [claim_fairest(job_id=job.pk, now=later(1)) for job in flood[:4]]

    assert [claim.institution_id == banks[1].pk for claim in claims].count(True) == 1
    assert trickle[0].pk in {claim.job_id for claim in claims[:2]}


def test_among_its_own_the_named_job_goes_first(banks):
    jobs = promise(banks[0], times=3)

    assert claim_fairest(job_id=jobs[2].pk, now=NOW).job_id == jobs[2].pk


def test_a_message_whose_job_is_taken_claims_another(banks, django_assert_num_queries):
    jobs = promise(banks[0], times=3)
    taken = [claim_fairest(job_id=jobs[0].pk, now=NOW).job_id for _ in range(3)]

    assert set(taken) == {job.pk for job in jobs}
    with pytest.raises(services.NotClaimable), django_assert_num_queries(2):
        claim_fairest(job_id=jobs[0].pk, now=NOW)  # looks once, and at the named job


@pytest.mark.django_db(transaction=True)
def test_workers_whose_jobs_are_gone_do_not_race_for_the_same_one(banks):
    gone, first, second = promise(banks[0], times=3)
    services.cancel(job_id=gone.pk, institution_id=banks[0].pk, now=NOW)
    being_taken = min((first, second), key=lambda job: job.pk)
    held, done = threading.Event(), threading.Event()

    def take_slowly() -> None:
        with transaction.atomic():
            Job.objects.select_for_update().get(pk=being_taken.pk)
            held.set()
            assert done.wait(timeout=10)
        connection.close()

    with ThreadPoolExecutor(1) as other:
        slow = other.submit(take_slowly)
        assert held.wait(timeout=10)
        claimed = claim_fairest(job_id=gone.pk, now=NOW)
        done.set()
        slow.result(timeout=10)

    assert {claimed.job_id, being_taken.pk} == {first.pk, second.pk}


def test_priority_goes_before_fairness(banks):
    urgent = promise(banks[0], times=2, priority=1)
    waiting = promise(banks[1])
    services.claim(job_id=urgent[0].pk, now=NOW)

    assert claim_fairest(job_id=waiting[0].pk, now=NOW).job_id == urgent[1].pk


def test_no_claim_begins_after_the_deadline(banks):
    short, long = promise(banks[0], deadline_s=1.0)[0], promise(banks[0], deadline_s=60.0)[0]

    assert claim_fairest(job_id=short.pk, now=NOW + timedelta(seconds=1)).job_id == long.pk
    with pytest.raises(services.NotClaimable):
        claim_fairest(job_id=short.pk, now=NOW + timedelta(seconds=1))
