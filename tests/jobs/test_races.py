"""Of two that race, one wins; whatever happens first, the other changes nothing."""

import pytest
from django.db import transaction

from apps.jobs import reconciler, services
from apps.jobs.models import Job
from tests.jobs.conftest import NOW, answered, facts, later, make_job
from tests.jobs.threads import kinds_of, race

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("round_", range(5))
def test_of_ten_claimers_one_wins(bank, round_):
    job = make_job(bank)

    outcomes = race(*[lambda: services.claim(job_id=job.pk, now=NOW)] * 10)

    assert kinds_of(outcomes) == ["Claim"] + ["NotClaimable"] * 9
    assert facts(job) == ("running", 1, 1, "")


@pytest.mark.parametrize("round_", range(5))
def test_a_finish_and_a_cancel_do_not_both_win(bank, round_):
    job = make_job(bank)
    claim = services.claim(job_id=job.pk, now=NOW)

    outcomes = race(
        lambda: services.finish(claim=claim, now=NOW),
        lambda: services.cancel(job_id=job.pk, institution_id=bank.pk, now=NOW),
    )

    assert (kinds_of(outcomes), facts(job)[0]) in (
        (["AlreadyEnded", "NoneType"], "succeeded"),
        (["FenceLost", "Job"], "cancelled"),
    )


@pytest.mark.parametrize("round_", range(5))
def test_a_finish_in_time_and_an_expiry_do_not_both_win(bank, round_):
    job = make_job(bank)
    claim = services.claim(job_id=job.pk, now=NOW)

    finished, expired = race(
        lambda: services.finish(claim=claim, now=later(59.9)),
        lambda: services.expire(job_id=job.pk, now=later(60)),
    )

    assert (finished is None, expired, facts(job)[0], len(answered)) in (
        (True, False, "succeeded", 0),
        (False, True, "expired", 1),
    )


@pytest.mark.parametrize("round_", range(5))
def test_a_job_expires_once_however_many_reconcile(bank, round_):
    jobs = [make_job(bank) for _ in range(20)]

    counts = race(*[lambda: reconciler.reconcile_once(now=later(60)).expired] * 4)

    assert sum(int(str(count)) for count in counts) == 20
    assert len(answered) == 20
    assert {facts(job)[0] for job in jobs} == {"expired"}


def test_a_worker_that_lost_its_lease_loses_to_the_one_that_took_over(bank):
    job = make_job(bank)
    zombie = services.claim(job_id=job.pk, now=NOW)
    reconciler.reconcile_once(now=later(30))
    heir = services.claim(job_id=job.pk, now=later(30))

    outcomes = race(
        lambda: services.finish(claim=zombie, now=later(31)), lambda: services.finish(claim=heir, now=later(31))
    )

    assert kinds_of(outcomes) == ["FenceLost", "NoneType"]
    assert facts(job) == ("succeeded", 2, 2, "")


def test_a_locked_job_does_not_hold_the_reconciler_up(bank):
    locked, free = make_job(bank), make_job(bank)

    with transaction.atomic():
        Job.objects.select_for_update().get(pk=locked.pk)
        [counts] = race(lambda: reconciler.reconcile_once(now=later(60)))

    assert counts == reconciler.Counts(expired=1)
    assert facts(free)[0] == "expired"
