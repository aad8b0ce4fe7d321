"""The reconciler keeps the promise without Redis."""

import pytest

from apps.jobs import kinds, reconciler, services
from apps.jobs.models import Job
from apps.jobs.reconciler import Counts, pause_s, reconcile_once
from tests.jobs.conftest import KIND, NOW, answered, body, facts, later, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _empty_queue(redis_client):
    redis_client.delete(KIND.queue)


def told(redis_client) -> int:
    return int(redis_client.llen(KIND.queue))


def test_a_fresh_job_is_left_alone(bank, redis_client):
    make_job(bank)

    assert reconcile_once(now=later(1.9)) == Counts()
    assert told(redis_client) == 0


def test_a_job_nobody_claimed_is_told_of_again(bank, redis_client):
    job = make_job(bank)

    assert reconcile_once(now=later(2)) == Counts(published=1)

    assert told(redis_client) == 1
    assert facts(job) == ("queued", 0, 0, "")


def test_while_its_queue_is_empty_a_job_is_told_of_every_two_seconds(bank, redis_client):
    make_job(bank)

    told_at = [at for at in range(9) if reconcile_once(now=later(at)).published and redis_client.delete(KIND.queue)]

    assert told_at == [2, 4, 6, 8]


def test_while_its_queue_holds_messages_the_pause_doubles_up_to_16_s(bank):
    make_job(bank, deadline_s=600)

    moments = [second for second in range(70) if reconcile_once(now=later(second)).published]

    assert moments == [2, 4, 8, 16, 32, 48, 64]


def test_a_queue_with_many_more_messages_than_jobs_gets_none(bank, redis_client):
    make_job(bank)
    redis_client.delete(KIND.queue)
    redis_client.rpush(KIND.queue, *range(34))

    assert reconcile_once(now=later(30)).published == 0

    redis_client.lpop(KIND.queue)
    assert reconcile_once(now=later(30)).published == 1


def test_a_job_whose_retry_is_not_due_is_not_told_of(bank):
    job = make_job(bank)
    services.fail(claim=services.claim(job_id=job.pk, now=NOW), error_code="x", retry=True, now=NOW)

    assert reconcile_once(now=later(0.4)) == Counts()
    assert reconcile_once(now=later(0.5)) == Counts(published=1)


def test_an_expired_lease_puts_the_job_back_and_tells_workers_at_once(bank):
    job = make_job(bank)
    services.claim(job_id=job.pk, now=NOW)

    assert reconcile_once(now=later(29.9)) == Counts()
    assert reconcile_once(now=later(30)) == Counts(requeued=1, published=1)

    assert facts(job) == ("queued", 1, 1, "lease_expired")


def test_three_lost_workers_make_a_dead_letter(bank):
    job = make_job(bank, deadline_s=600)

    for at in (0, 100, 200):
        services.claim(job_id=job.pk, now=later(at), alone=True)
        reconcile_once(now=later(at + 50))

    assert facts(job) == ("failed", 3, 3, "lease_expired")
    assert [(job.pk, "failed")] == answered


def test_overdue_jobs_expire_whether_claimed_or_not(bank):
    waiting, running = make_job(bank), make_job(bank)
    services.claim(job_id=running.pk, now=later(45))

    assert reconcile_once(now=later(60)) == Counts(expired=2)

    assert facts(waiting) == ("expired", 0, 0, "deadline_exceeded")
    assert facts(running) == ("expired", 1, 1, "deadline_exceeded")


def test_more_than_a_batch_is_done_in_one_pass(bank):
    jobs = [make_job(bank) for _ in range(2 * reconciler.BATCH + 1)]

    assert reconcile_once(now=later(60)).expired == len(jobs)
    assert sorted(answered) == sorted((job.pk, "expired") for job in jobs)


def test_a_hook_that_fails_does_not_hold_up_the_rest(bank):
    kinds.register(BROKEN)
    broken, healthy = make_job(bank), make_job(bank)
    Job.objects.filter(pk=broken.pk).update(kind=BROKEN.name)

    assert reconcile_once(now=later(60)) == Counts(expired=1)

    assert facts(broken) == ("queued", 0, 0, "")
    assert facts(healthy) == ("expired", 0, 0, "deadline_exceeded")


def test_urgent_jobs_are_told_of_first(bank, redis_client):
    jobs = [make_job(bank, priority=priority) for priority in (0, 5, 1)]

    reconcile_once(now=later(2))

    bodies = [body(redis_client.lindex(KIND.queue, place)) for place in (-1, -2, -3)]  # workers read from the right
    assert [str(jobs[1].pk) in bodies[0], str(jobs[2].pk) in bodies[1], str(jobs[0].pk) in bodies[2]] == [True] * 3


@pytest.mark.parametrize(
    ("deadline_s", "expected_s"),
    [(0.25, 0.25), (60, 1.0), (0.001, 0.02), (-5, 1.0)],  # soon, late, at once, overdue
)
def test_the_next_pass_comes_when_something_falls_due(bank, deadline_s, expected_s):
    make_job(bank, deadline_s=deadline_s)

    assert pause_s(now=NOW) == pytest.approx(expected_s)


def test_with_nothing_to_do_a_pass_takes_few_queries(bank, django_assert_max_num_queries):
    with django_assert_max_num_queries(12):  # one a queue and three more; the rest savepoints of this test
        reconcile_once(now=NOW)
        pause_s(now=NOW)


def _broken(_job, _now):
    raise ZeroDivisionError


BROKEN = kinds.JobKind(name="test.broken", task_name="tests.x", queue="test-jobs", lease_s=1, on_expired=_broken)
