"""From a request to a stored answer, with an engine that answers as written."""


import pytest

from apps.jobs.models import Job
from riskscore.services import request_assessment, score_assessment
from tests.engines import ScriptedEngine
from tests.riskscore.makers import NOW, RELEASE, bank, client_of, event

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_request_is_scored_and_stored():
    assessment, created = request_assessment(client=client_of(bank()), event=event(), deadline_s=5, now=NOW)
    engine = ScriptedEngine({"fraud": [0.0, -3.0]})

    done = score_assessment(job_id=assessment.job_id, engine=engine, release=RELEASE, clock=lambda: NOW)

    assessment.refresh_from_db()
    assert (created, done) == (True, True)
    assert (str(assessment.score), assessment.outcome, assessment.risk_level) == ("0.0474", "approve", "normal")
    assert assessment.job.status == Job.Status.SUCCEEDED
