"""S7: whatever stage fails, always, nothing is approved that the model did not approve.

Every request here would be approved if nothing failed. PostgreSQL
refuses it once more. Control: with the fallback made lenient and that rule taken away, all are.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import repeat
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone

from apps.common import scope
from inference.api import EngineError
from riskscore.models import RiskAssessment
from riskscore.policy import DEFAULT_THRESHOLDS, Decision, combine
from riskscore.services import score_assessment
from tests.engines import ScriptedEngine
from tests.riskscore.makers import RELEASE, SHOP, bank, key_of, payload

pytestmark = pytest.mark.django_db(transaction=True)

ATTEMPTS, SMALL, FULL = 3, 2, 20
MANY = 1000  # more failures than requests
ASSESSMENTS = "/api/v1/risk/assessments"
CONSTRAINT = "assessment_degraded_never_scores_nor_approves"
SAFE = {"fraud": [0.0, -3.0]}
STAGES = {
    "parser": "riskscore.api.serializers.EventSerializer.to_internal_value",
    "request": "riskscore.api.views.services.assess_event",
    "features": "riskscore.services.arrivals.compute",
    "storage": "riskscore.services.arrivals.row_of",
    "rules": "riskscore.services.requests.evaluate",
    "lists": "riskscore.services.requests.list_hits",
    "policy in force": "riskscore.services.requests.policy_in_force",
    "encoding": "riskscore.services.requests.pack_current",
    "queue": "riskscore.services.requests.jobs.enqueue",
    "history": "riskscore.services.scoring.history_start",
    "questions": "riskscore.services.scoring.questions",
    "model": "tests.engines.ScriptedEngine.submit",
    "model's answer": "riskscore.services.scoring.assess",
    "decision": "riskscore.services.scoring.combine",
    "persistence": "riskscore.services.scoring.jobs.finish",
    "fallback": "riskscore.services.scoring.combine_without_model",
}


def broken(*_arguments: Any, **_options: Any) -> None:
    """A stage with a defect."""
    raise RuntimeError("a defect")


def lenient(*_arguments: Any) -> Decision:
    """A fallback that lets everything pass: what ours must never be."""
    return combine(Decimal("0.0100"), (), DEFAULT_THRESHOLDS, ())


def outcomes(count: int, *, failures: int = 0) -> Counter[str]:
    """Ask for assessments over REST, have them scored as often as they may be, and count what was decided."""
    client, key = key_of(bank(f"Bank {timezone.now().timestamp()}"))
    web = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {key}", "Prefer": "wait=0"})
    party = {"kind": SHOP.kind.value, "id": SHOP.id, "category": SHOP.category, "country": SHOP.country}
    answers = [
        web.post(
            ASSESSMENTS,
            payload(id=f"tx-{n}", amount="5.00", counterparty=party, device=None, deadline_ms=60_000),
            content_type="application/json",
            headers={"Idempotency-Key": f"k-{n}"},
        )
        for n in range(count)
    ]
    decided = Counter("error" for answer in answers if answer.status_code >= 500)
    with scope.entered(scope.of(client.institution_id)):
        rows = RiskAssessment.objects.filter(institution_id=client.institution_id)
        for number in range(ATTEMPTS):
            _attempt(rows, failures, now=timezone.now() + timedelta(seconds=10 * number))
        return decided + Counter(row.outcome or "pending" for row in rows.all())


def _attempt(rows: Iterable[RiskAssessment], failures: int, *, now: datetime) -> None:
    engine = ScriptedEngine(SAFE, failures=[EngineError("any")] * failures)
    for row in rows:
        with suppress(RuntimeError, IntegrityError):  # what a worker logs, and survives
            score_assessment(job_id=row.job_id, engine=engine, release=RELEASE, clock=repeat(now).__next__)


@pytest.fixture
def without_its_constraint() -> Iterator[None]:
    """PostgreSQL's own rule against degraded approvals, taken away."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE riskscore_riskassessment DROP CONSTRAINT {CONSTRAINT}")
    yield
    RiskAssessment.objects.filter(degraded=True, outcome="approve").delete()
    (constraint,) = [each for each in RiskAssessment._meta.constraints if each.name == CONSTRAINT]
    with connection.schema_editor() as editor:
        editor.add_constraint(RiskAssessment, constraint)


def test_control_when_nothing_fails_everything_here_is_approved():
    assert outcomes(SMALL) == {"approve": SMALL}


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_that_always_fails_approves_nothing(stage, monkeypatch):
    monkeypatch.setattr(STAGES[stage], broken)

    decided = outcomes(SMALL, failures=MANY if stage == "fallback" else 0)

    assert decided.total() == SMALL
    assert set(decided) <= {"error", "review", "pending"}


def test_a_lenient_fallback_is_stopped_by_postgresql(monkeypatch):
    monkeypatch.setattr(STAGES["fallback"], lenient)

    assert outcomes(SMALL, failures=MANY) == {"pending": SMALL}


def test_control_a_lenient_fallback_without_that_rule_approves(monkeypatch, without_its_constraint):
    monkeypatch.setattr(STAGES["fallback"], lenient)

    assert outcomes(SMALL, failures=MANY) == {"approve": SMALL}


@pytest.mark.security
@pytest.mark.timeout(1200)
def test_of_hundreds_of_failures_none_approves(monkeypatch, capsys):
    decided: Counter[str] = Counter()
    for stage in STAGES.values():
        with monkeypatch.context() as patched:
            patched.setattr(stage, broken)
            decided += outcomes(FULL, failures=MANY if stage == STAGES["fallback"] else 0)

    with capsys.disabled():
        print(f"\nS7: {decided.total()} requests with a failing stage, {decided['approve']} approved, {dict(decided)}")
    assert decided.total() == FULL * len(STAGES)
    assert decided["approve"] == 0
