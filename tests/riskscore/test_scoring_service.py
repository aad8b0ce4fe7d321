"""From a request to a stored answer, with an engine that answers as written."""

import math
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from apps.jobs import services as jobs
from apps.jobs.admission import TooLate
from apps.jobs.models import Job
from apps.tenants.walls import WORKER
from inference.api import (
    Cancelled,
    DeadlineExceeded,
    EngineError,
    EngineStopped,
    EventPosition,
    InvalidRequest,
    OutOfBlocks,
    QueueFull,
    WindowExceeded,
)
from riskscore.digests import listed_digest
from riskscore.events import DeviceFingerprint
from riskscore.lists import ListAction, ListKind
from riskscore.models import Event, ListEntry, RiskAssessment
from riskscore.services import ingest_events, request_assessment, score_assessment
from riskscore.services.requests import EventDiffers
from tests.engines import ScriptedEngine
from tests.riskscore.makers import NOW, RELEASE, bank, client_of, event
from tests.walls import as_application

pytestmark = pytest.mark.django_db(transaction=True)

SAFE = {"fraud": [0.0, -3.0]}  # would be approved
ATTEMPTS = 3


@pytest.fixture
def client():
    return client_of(bank())


def ask(client, told=None, *, deadline_s=60.0):
    return request_assessment(client=client, event=told or event(), deadline_s=deadline_s, now=NOW)[0]


def score(assessment, engine, *, at=NOW, release=RELEASE):
    with as_application(WORKER):
        done = score_assessment(job_id=assessment.job_id, engine=engine, release=release, clock=lambda: at)
    assessment.refresh_from_db()
    return done


def test_a_request_is_scored_and_stored(client):
    assessment = ask(client)

    assert score(assessment, ScriptedEngine(SAFE)) is True

    assert (str(assessment.score), assessment.outcome, assessment.risk_level) == ("0.0474", "approve", "normal")
    assert (assessment.model_digest, assessment.calibration_version) == ("0" * 64, "cal-1")
    assert (assessment.positions_total, assessment.degraded) == (24, False)
    assert Job.objects.get().status == Job.Status.SUCCEEDED


def test_the_engine_reads_history_then_profile_event_and_question(client):
    ingest_events(institution_id=client.institution_id, events={n: event(f"h-{n}") for n in range(3)}, now=NOW)
    engine = ScriptedEngine(SAFE)

    score(ask(client), engine)

    request = engine.requests[0]
    history = Event.objects.filter(assessment=None).order_by("sequence").values_list("packed", flat=True)
    assert request.record == tuple(EventPosition(bytes(packed)) for packed in history)
    assert (request.model, request.namespace) == ("risk", str(client.institution_id))
    assert [question.id for question in request.questions[:2]] == ["fraud", "anomaly"]
    assert {len(question.positions) for question in request.questions} == {3}


def test_a_long_history_is_cut_to_half_at_once(client):
    ingest_events(institution_id=client.institution_id, events={n: event(f"h-{n}") for n in range(481)}, now=NOW)
    engine = ScriptedEngine(SAFE)

    score(ask(client), engine)

    assert len(engine.requests[0].record) == 241


def test_reasons_are_the_groups_that_moved_the_score_most(client):
    script = SAFE | {"fraud-without-device": [0.0, -5.0], "fraud-without-amount": [0.0, -2.0]}
    quiet = {f"fraud-without-{group}": [0.0, -3.0] for group in ("counterparty", "velocity", "place", "timing")}
    assessment = ask(client)

    score(assessment, ScriptedEngine(script | quiet))

    assert [(reason["code"], reason["contribution"]) for reason in assessment.reasons] == [
        ("device.raises", 2.0),
        ("amount.lowers", -1.0),
    ]
    assert assessment.reasons[0]["evidence"] == [{"event": "tx-1", "pointer": "/device"}]


def test_a_rule_raises_what_the_score_would_let_pass(client):
    assessment = ask(client, event(device=DeviceFingerprint(id="d", is_automated=True)))

    score(assessment, ScriptedEngine(SAFE))

    assert (assessment.outcome, assessment.causes) == ("block_and_review", ["rule"])
    assert [hit["rule_id"] for hit in assessment.rule_hits] == ["emulated_or_automated_device"]


@pytest.mark.parametrize(
    ("action", "expires_at", "outcome"),
    [
        (ListAction.BLOCK, None, "decline"),
        (ListAction.BLOCK, NOW + timedelta(seconds=1), "decline"),
        (ListAction.BLOCK, NOW, "approve"),
        (ListAction.WATCH, None, "approve"),
    ],
)
def test_a_listed_device_is_treated_as_its_entry_says_while_it_lasts(client, action, expires_at, outcome):
    listed = {"kind": ListKind.DEVICE, "value": "fp-1", "created_at": NOW, "expires_at": expires_at}
    digest = listed_digest(client.institution_id, ListKind.DEVICE, "fp-1")
    ListEntry.objects.create(institution=client.institution, action=action, value_digest=digest, **listed)
    assessment = ask(client)

    score(assessment, ScriptedEngine(SAFE))

    assert assessment.outcome == outcome


@pytest.mark.parametrize(
    "error",
    [
        EngineError("any"),
        OutOfBlocks("too long"),
        WindowExceeded("too long"),
        InvalidRequest("unreadable"),
        DeadlineExceeded("too late"),
        Cancelled("given up"),
    ],
)
def test_an_engine_that_fails_never_leads_to_an_approval(client, error):
    assessment = ask(client)
    engine = ScriptedEngine(SAFE, failures=[error] * ATTEMPTS)

    for attempt in range(ATTEMPTS):
        score(assessment, engine, at=NOW + timedelta(seconds=10 * attempt))

    assert (assessment.degraded, assessment.score, assessment.outcome) == (True, None, "review")
    assert (assessment.degraded_code, Job.objects.get().status) == (error.code, Job.Status.FAILED)


@pytest.mark.parametrize("error", [QueueFull("full"), EngineStopped("drains")])
def test_a_busy_engine_gives_the_job_back(client, error):
    assessment = ask(client)

    score(assessment, ScriptedEngine(SAFE, failures=[error]))
    assert (assessment.status, Job.objects.get().status) == ("pending", Job.Status.QUEUED)

    score(assessment, ScriptedEngine(SAFE), at=NOW + timedelta(seconds=1))
    assert (assessment.status, assessment.outcome) == ("completed", "approve")


@pytest.mark.parametrize(
    ("logits", "release"),
    [
        ({"fraud": [math.nan, 0.0]}, RELEASE),
        ({"fraud": [0.0, math.inf]}, RELEASE),
        (SAFE, replace(RELEASE, digest="1" * 64)),
    ],
)
def test_an_answer_that_is_none_never_leads_to_an_approval(client, logits, release):
    assessment = ask(client)

    for attempt in range(ATTEMPTS):
        score(assessment, ScriptedEngine(logits), at=NOW + timedelta(seconds=10 * attempt), release=release)

    assert (assessment.degraded, assessment.outcome) == (True, "review")


STAGES = [
    "riskscore.services.scoring.questions",
    "riskscore.services.scoring.history_start",
    "riskscore.services.scoring.assess",
    "riskscore.services.scoring.combine",
    "riskscore.services.scoring._provenance",
    "riskscore.services.scoring.jobs.finish",
]


@pytest.mark.parametrize("stage", STAGES)
def test_a_defect_at_any_stage_of_scoring_never_leads_to_an_approval(client, monkeypatch, stage):
    monkeypatch.setattr(stage, broken)
    assessment = ask(client)

    for attempt in range(ATTEMPTS):
        score(assessment, ScriptedEngine(SAFE), at=NOW + timedelta(seconds=10 * attempt))

    assert (assessment.degraded, assessment.outcome) == (True, "review")
    assert assessment.degraded_code == "internal_error"


@pytest.mark.parametrize(
    "stage",
    [
        "riskscore.services.arrivals.compute",
        "riskscore.services.arrivals.row_of",
        "riskscore.services.requests.evaluate",
        "riskscore.services.requests.pack_current",
        "riskscore.services.requests.evidence",
        "riskscore.services.requests.jobs.enqueue",
    ],
)
def test_a_defect_at_any_stage_of_a_request_stores_nothing(client, monkeypatch, stage):
    monkeypatch.setattr(stage, broken)

    with pytest.raises(RuntimeError):
        ask(client)

    assert (Event.objects.count(), RiskAssessment.objects.count(), Job.objects.count()) == (0, 0, 0)


def broken(*_args, **_kwargs):
    raise RuntimeError("a defect")


def test_past_the_deadline_the_rules_answer_and_a_late_result_changes_nothing(client):
    assessment = ask(client, deadline_s=5)
    late = NOW + timedelta(seconds=6)

    class SlowEngine(ScriptedEngine):
        def submit(self, request):
            jobs.expire(job_id=assessment.job_id, now=late)  # the reconciler, meanwhile
            return super().submit(request)

    assert score(assessment, SlowEngine(SAFE)) is False

    assert (assessment.degraded, assessment.outcome, assessment.completed_at) == (True, "review", late)
    assert (assessment.degraded_code, Job.objects.get().status) == ("deadline_exceeded", Job.Status.EXPIRED)


def test_a_result_at_the_deadline_itself_is_too_late(client):
    assessment = ask(client, deadline_s=5)
    clock = iter([NOW, NOW, NOW, *[NOW + timedelta(seconds=5)] * 9])

    done = score_assessment(
        job_id=assessment.job_id, engine=ScriptedEngine(SAFE), release=RELEASE, clock=lambda: next(clock)
    )

    assessment.refresh_from_db()
    assert (done, assessment.score, assessment.status) == (False, None, "pending")


def test_the_same_job_delivered_twice_is_scored_once(client):
    assessment, engine = ask(client), ScriptedEngine(SAFE)

    assert [score(assessment, engine), score(assessment, engine)] == [True, False]

    assert len(engine.requests) == 1


def test_an_event_told_as_history_is_assessed_as_of_its_arrival(client):
    ingest_events(institution_id=client.institution_id, events={1: event("tx-1"), 2: event("tx-2")}, now=NOW)
    engine = ScriptedEngine(SAFE)

    assessment, created = request_assessment(client=client, event=event("tx-1"), deadline_s=60, now=NOW)
    score(assessment, engine)

    assert (created, len(engine.requests[0].record)) == (True, 0)
    assert Event.objects.count() == 2


@pytest.mark.parametrize(
    "lie",
    [
        {"status": "completed"},
        {"outcome": "approve"},
        {"score": Decimal("0.5")},
        {"status": "completed", "outcome": "approve", "risk_level": "low", "anomaly_type": "none", "degraded": True},
        {"status": "completed", "outcome": "approve", "risk_level": "low", "anomaly_type": "none", "completed_at": NOW},
    ],
)
def test_the_database_refuses_an_answer_that_cannot_be(client, lie):
    assessment = ask(client)

    with pytest.raises(IntegrityError), transaction.atomic():
        RiskAssessment.objects.filter(pk=assessment.pk).update(**lie)


def test_what_cannot_be_promised_stores_nothing_and_what_was_promised_is_given_again(client, monkeypatch):
    promised = ask(client, event("tx-1"))

    def refuse(**_asked):
        raise TooLate("later", retry_after_s=1.0)

    monkeypatch.setattr("apps.jobs.admission.admit", refuse)

    assert request_assessment(client=client, event=event("tx-1"), deadline_s=60.0, now=NOW) == (promised, False)
    with pytest.raises(TooLate):
        ask(client, event("tx-2"))
    with pytest.raises(EventDiffers):
        ask(client, event("tx-1", amount=Decimal("1.00")))
    assert Event.objects.count() == 1


def test_what_a_request_and_a_score_cost_in_queries(client, django_assert_num_queries):
    ask(client, event("warm-up"))

    with django_assert_num_queries(17):
        assessment = ask(client)
    with django_assert_num_queries(16):
        score_assessment(job_id=assessment.job_id, engine=ScriptedEngine(SAFE), release=RELEASE, clock=lambda: NOW)

    assessment.refresh_from_db()
    assert (assessment.status, assessment.degraded) == (RiskAssessment.Status.COMPLETED, False)
