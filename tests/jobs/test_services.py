"""Every edge of a job's life."""

from dataclasses import replace
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from apps.common.errors import NotFound
from apps.jobs import kinds, services
from apps.jobs.models import Job
from apps.tenants.models import Institution
from tests.jobs.conftest import KIND, NOW, answered, facts, later, make_job

pytestmark = pytest.mark.django_db


def test_a_job_is_queued_under_the_callers_words(bank):
    job = make_job(bank)

    assert facts(job) == ("queued", 0, 0, "")
    assert (job.created_at, job.next_attempt_at, job.deadline_at) == (NOW, NOW, later(60))


def test_a_kind_nobody_registered_is_refused(bank):
    with pytest.raises(kinds.UnknownKindError):
        services.enqueue(institution=bank, kind="no.such", subject_id=uuid4(), deadline_at=later(1), now=NOW)

    assert not Job.objects.exists()


def test_a_subject_has_one_job_of_a_kind(bank):
    job = make_job(bank)

    with pytest.raises(IntegrityError), transaction.atomic():
        services.enqueue(institution=bank, kind=KIND.name, subject_id=job.subject_id, deadline_at=later(1), now=NOW)


def test_a_claim_counts_the_attempt_and_holds_a_lease(bank):
    job = make_job(bank)

    claim = services.claim(job_id=job.pk, now=later(1))

    assert (claim.fence, claim.attempt, claim.subject_id) == (1, 1, job.subject_id)
    assert facts(job) == ("running", 1, 1, "")
    assert (job.started_at, job.lease_until) == (later(1), later(31))


@pytest.mark.parametrize("moment_s", [-1, 60, 61])  # before it is due, at its deadline, after it
def test_a_job_outside_its_time_is_not_claimable(bank, moment_s):
    job = make_job(bank)

    with pytest.raises(services.NotClaimable):
        services.claim(job_id=job.pk, now=later(moment_s))

    assert facts(job) == ("queued", 0, 0, "")


def test_a_running_job_is_not_claimable(bank):
    job = make_job(bank)
    services.claim(job_id=job.pk, now=NOW)

    with pytest.raises(services.NotClaimable):
        services.claim(job_id=job.pk, now=NOW)

    assert facts(job) == ("running", 1, 1, "")


def test_a_job_that_never_was_is_not_claimable():
    with pytest.raises(services.NotClaimable):
        services.claim(job_id=uuid4(), now=NOW)


def test_a_finished_job_has_succeeded(bank):
    job = make_job(bank)
    claim = services.claim(job_id=job.pk, now=NOW)

    services.finish(claim=claim, now=later(2))

    assert facts(job) == ("succeeded", 1, 1, "")
    assert (job.finished_at, job.lease_until) == (later(2), None)


def test_a_stale_fence_finishes_nothing(bank):
    job = make_job(bank)
    stale = services.claim(job_id=job.pk, now=NOW)
    services.give_back(job_id=job.pk, fence=1, error_code="lease_expired", next_attempt_at=NOW, now=NOW)
    services.claim(job_id=job.pk, now=NOW)

    with pytest.raises(services.FenceLost):
        services.finish(claim=stale, now=later(1))

    assert facts(job) == ("running", 2, 2, "lease_expired")


def test_a_job_given_back_but_not_yet_taken_cannot_be_finished(bank):
    job = make_job(bank)
    stale = services.claim(job_id=job.pk, now=NOW)
    services.give_back(job_id=job.pk, fence=1, error_code="lease_expired", next_attempt_at=NOW, now=NOW)

    with pytest.raises(services.FenceLost):
        services.finish(claim=stale, now=later(1))

    assert facts(job) == ("queued", 1, 1, "lease_expired")


@pytest.mark.parametrize("moment_s", [60, 61])
def test_a_finish_at_or_past_the_deadline_changes_nothing(bank, moment_s):
    job = make_job(bank)
    claim = services.claim(job_id=job.pk, now=NOW)

    with pytest.raises(services.FenceLost):
        services.finish(claim=claim, now=later(moment_s))

    assert facts(job) == ("running", 1, 1, "")


def test_a_failed_attempt_is_tried_again_after_a_pause(bank):
    job = make_job(bank)
    claim = services.claim(job_id=job.pk, now=NOW)

    status = services.fail(claim=claim, error_code="out_of_blocks", retry=True, now=later(1))

    assert status == "queued"
    assert facts(job) == ("queued", 1, 1, "out_of_blocks")
    assert (job.next_attempt_at, job.published_at) == (later(1.5), None)


def test_the_pause_doubles(bank):
    job = make_job(bank)
    services.fail(claim=services.claim(job_id=job.pk, now=NOW), error_code="x", retry=True, now=NOW)
    services.fail(claim=services.claim(job_id=job.pk, now=later(1)), error_code="x", retry=True, now=later(1))

    assert facts(job) == ("queued", 2, 2, "x")
    assert job.next_attempt_at == later(2)


def test_a_refusal_for_good_ends_the_job_and_answers_for_it(bank):
    job = make_job(bank)
    claim = services.claim(job_id=job.pk, now=NOW)

    status = services.fail(claim=claim, error_code="window_exceeded", retry=False, now=later(1))

    assert status == "failed"
    assert facts(job) == ("failed", 1, 1, "window_exceeded")
    assert answered == [(job.pk, "failed")]


def test_the_third_failure_is_a_dead_letter(bank):
    job = make_job(bank)

    statuses = [
        services.fail(claim=services.claim(job_id=job.pk, now=later(at)), error_code="x", retry=True, now=later(at))
        for at in (0, 10, 20)
    ]

    assert statuses == ["queued", "queued", "failed"]
    assert facts(job) == ("failed", 3, 3, "x")
    assert answered == [(job.pk, "failed")]


def test_a_stale_fence_fails_nothing(bank):
    job = make_job(bank)
    claim = services.claim(job_id=job.pk, now=NOW)
    services.cancel(job_id=job.pk, institution_id=bank.pk, now=NOW)

    with pytest.raises(services.FenceLost):
        services.fail(claim=claim, error_code="x", retry=True, now=NOW)

    assert facts(job) == ("cancelled", 1, 1, "")


def test_a_released_job_keeps_its_attempt(bank):
    job = make_job(bank)
    claim = services.claim(job_id=job.pk, now=NOW)

    services.release(claim=claim, now=NOW)

    assert facts(job) == ("queued", 0, 1, "")
    assert (job.next_attempt_at, job.published_at) == (later(0.1), None)


@pytest.mark.parametrize("claimed", [False, True])
def test_an_open_job_can_be_cancelled(bank, claimed):
    job = make_job(bank)
    _ = claimed and services.claim(job_id=job.pk, now=NOW)

    cancelled = services.cancel(job_id=job.pk, institution_id=bank.pk, now=later(1))

    assert (cancelled.status, cancelled.finished_at) == ("cancelled", later(1))
    assert answered == []


def test_an_ended_job_cannot_be_cancelled(bank):
    job = make_job(bank)
    services.finish(claim=services.claim(job_id=job.pk, now=NOW), now=NOW)

    with pytest.raises(services.AlreadyEnded):
        services.cancel(job_id=job.pk, institution_id=bank.pk, now=NOW)

    assert facts(job) == ("succeeded", 1, 1, "")


def test_a_stranger_cannot_cancel(bank):
    job = make_job(bank)
    stranger = Institution.objects.create(name="Second Bank", kind="bank")

    with pytest.raises(NotFound):
        services.cancel(job_id=job.pk, institution_id=stranger.pk, now=NOW)

    assert facts(job) == ("queued", 0, 0, "")


@pytest.mark.parametrize("claimed", [False, True])
def test_past_its_deadline_a_job_expires_and_is_answered_for(bank, claimed):
    job = make_job(bank)
    _ = claimed and services.claim(job_id=job.pk, now=NOW)

    assert services.expire(job_id=job.pk, now=later(60))

    assert (job.pk, "expired") in answered
    assert facts(job)[0::3] == ("expired", "deadline_exceeded")


def test_before_its_deadline_a_job_does_not_expire(bank):
    job = make_job(bank)

    assert not services.expire(job_id=job.pk, now=later(59.9))

    assert facts(job) == ("queued", 0, 0, "")
    assert answered == []


def test_a_job_expires_once(bank):
    job = make_job(bank)

    assert [services.expire(job_id=job.pk, now=later(60)) for _ in range(2)] == [True, False]

    assert answered == [(job.pk, "expired")]


def test_an_end_whose_answer_fails_is_undone(bank, monkeypatch):
    job = make_job(bank)
    monkeypatch.setattr(KIND.on_expired, "__code__", _refuse.__code__)

    with pytest.raises(ZeroDivisionError):
        services.expire(job_id=job.pk, now=later(60))

    assert facts(job) == ("queued", 0, 0, "")


def _refuse(job, _now):
    raise ZeroDivisionError


def test_a_kind_says_how_often_and_after_which_pause_its_work_is_tried(bank):
    kinds.register(replace(KIND, name="test.patient", max_attempts=10, backoff_s=lambda attempt: 100.0 * attempt))
    job = make_job(bank, kind="test.patient", deadline_s=3600.0)

    claim = services.claim(job_id=job.pk, now=NOW)
    services.fail(claim=claim, error_code="refused", retry=True, now=NOW)

    job.refresh_from_db()
    assert (job.max_attempts, job.next_attempt_at) == (10, later(100))


def test_a_worker_may_know_a_better_pause_than_the_kind(bank):
    job = make_job(bank)

    services.fail(claim=services.claim(job_id=job.pk, now=NOW), error_code="busy", retry=True, now=NOW, retry_in_s=7.0)

    job.refresh_from_db()
    assert job.next_attempt_at == later(7)


def test_a_long_job_that_got_on_begins_to_count_anew(bank):
    job = make_job(bank)
    services.fail(claim=services.claim(job_id=job.pk, now=NOW), error_code="lost", retry=True, now=NOW)

    services.proceed(claim=services.claim(job_id=job.pk, now=later(1)), now=later(2), delay_s=3.0)

    assert facts(job) == ("queued", 0, 2, "")
    assert job.next_attempt_at == later(5)
