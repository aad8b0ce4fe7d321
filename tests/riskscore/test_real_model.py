"""The whole thread in one process: the shipped checkpoint, the real engine, a real database."""

import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from django.conf import settings
from django.utils import timezone

from riskscore.events import EventKind
from riskscore.models import Event
from riskscore.services import Release, ingest_events, request_assessment, score_assessment
from tests.riskscore.makers import bank, client_of, event

pytestmark = pytest.mark.django_db(transaction=True)
CHECKPOINT = settings.CHECKPOINTS / "risk-small"


@pytest.fixture(scope="module")
def served():
    """The engine with the shipped model, and its release."""
    from inference.checkpoints import load_checkpoint
    from inference.config import EngineConfig
    from inference.engine import EngineCore

    config = EngineConfig(threads=1, memory_mb=512, salt_key=b"only-the-tests-use-this-salt")
    loaded = load_checkpoint(CHECKPOINT, name="risk", config=config)
    engine = EngineCore([loaded], config)
    engine.start()
    card = {"calibration": json.loads((CHECKPOINT / "calibration.json").read_text())}
    yield engine, Release.of(loaded.ref, card)
    engine.stop()


@pytest.fixture
def client():
    return client_of(bank())


def past(count):
    """Quiet payments, one an hour, up to now."""
    now = timezone.now()
    return {
        number: event(f"h-{number}", occurred_at=now - timedelta(hours=count - number), amount=Decimal(20 + number % 7))
        for number in range(count)
    }


def assessed(client, served, told):
    engine, release = served
    assessment = request_assessment(client=client, event=told, deadline_s=60, now=timezone.now())[0]
    score_assessment(job_id=assessment.job_id, engine=engine, release=release, clock=timezone.now)
    assessment.refresh_from_db()
    return assessment


def test_the_shipped_model_scores_an_event(client, served):
    ingest_events(institution_id=client.institution_id, events=past(40), now=timezone.now())

    assessment = assessed(client, served, event(occurred_at=timezone.now()))

    assert (assessment.status, assessment.degraded, assessment.degraded_code) == ("completed", False, "")
    assert Decimal(0) <= assessment.score <= Decimal(1)
    assert (assessment.model_digest, assessment.model_precision) == (served[1].digest, "int8")
    assert sum(assessment.anomaly_probabilities.values()) == pytest.approx(1, abs=0.001)
    assert assessment.positions_total == 40 + 8 * 3


def test_the_next_event_of_an_account_finds_its_history_read(client, served):
    ingest_events(institution_id=client.institution_id, events=past(64), now=timezone.now())

    first, second = (assessed(client, served, event(f"tx-{n}", occurred_at=timezone.now())) for n in range(2))

    assert (first.positions_cached, second.positions_cached) == (0, 64)


def test_the_same_past_in_another_bank_gives_the_same_score_from_a_cold_cache(client, served):
    stranger, history, told = client_of(bank("Second Bank")), past(48), event(occurred_at=timezone.now())
    for each in (client, stranger):
        ingest_events(institution_id=each.institution_id, events=history, now=timezone.now())

    ours, theirs = (assessed(each, served, told) for each in (client, stranger))

    assert (ours.score, ours.anomaly_probabilities) == (theirs.score, theirs.anomaly_probabilities)
    assert theirs.positions_cached == 0


def test_a_warm_cache_gives_the_score_of_a_cold_one(client, served):
    stranger, history, told = client_of(bank("Second Bank")), past(48), event(occurred_at=timezone.now())
    for each in (client, stranger):
        ingest_events(institution_id=each.institution_id, events=history, now=timezone.now())
    before = replace(told, id="tx-0", kind=EventKind.LOGIN, amount=Decimal(0))
    assessed(client, served, before)
    ingest_events(institution_id=stranger.institution_id, events={1: before}, now=timezone.now())

    warm, cold = (assessed(each, served, told) for each in (client, stranger))

    assert (warm.positions_cached, cold.positions_cached) == (48, 0)
    assert (warm.score, warm.reasons) == (cold.score, cold.reasons)


def test_an_account_longer_than_the_window_is_still_scored(client, served):
    ingest_events(institution_id=client.institution_id, events=past(500), now=timezone.now())

    assessment = assessed(client, served, event(occurred_at=timezone.now()))

    assert (assessment.degraded, assessment.positions_total) == (False, 260 + 8 * 3)
    assert Event.objects.count() == 501
