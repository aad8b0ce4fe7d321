"""Workers that wake together."""

from functools import partial
from uuid import uuid4

import pytest

from apps.jobs import kinds, services
from apps.jobs.fairness import claim_fairest
from apps.jobs.services import Claim
from apps.tenants.models import Institution
from tests.jobs.conftest import NOW, later
from tests.jobs.threads import race

KIND = kinds.JobKind(name="test.turns", task_name="tests.none", queue="test-turns", lease_s=30.0)


@pytest.mark.django_db(transaction=True)
def test_as_many_jobs_are_claimed_as_messages_came(capsys):
    kinds.register(KIND)
    banks = [Institution.objects.create(name=f"Bank {number}", kind="bank") for number in range(3)]
    jobs = [
        services.enqueue(institution=bank, kind=KIND.name, subject_id=uuid4(), deadline_at=later(60), now=NOW)
        for bank in [banks[0]] * 16 + banks[1:] * 4
    ]

    claims = race(*[partial(claim_fairest, job_id=job.pk, now=NOW) for job in jobs])

    won = [claim.job_id for claim in claims if isinstance(claim, Claim)]
    with capsys.disabled():
        print(f"\n24 workers woke together for 24 jobs: {len(won)} claimed")
    assert sorted(won) == sorted(job.pk for job in jobs)
