"""Assessments and history by the batch."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from apps.batches import services as batches
from apps.batches.models import Batch
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.webhooks.models import WebhookDelivery
from riskscore.models import Event, RiskAssessment
from riskscore.services import score_assessment
from tests.batches.conftest import Clock
from tests.engines import ScriptedEngine
from tests.riskscore.makers import RELEASE, bank, key_of, payload

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/batches"
HEADER = "id,account,kind,channel,amount,currency,occurred_at,country,device.has_touch,device.memory_gb\n"


def send(body: str, *, kind: str, media: str = "application/x-ndjson", dry_run: str = "false") -> tuple[Client, str]:
    _client, key = key_of(bank())
    client = Client(headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "k-1"})
    answer = client.generic("POST", f"{URL}?type={kind}&dry_run={dry_run}", body, content_type=media)
    assert answer.status_code == 202, answer.content
    return client, answer["Location"]


def ndjson(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def work() -> None:
    job_id = Batch.objects.get().job_id
    assert job_id is not None
    started = Job.objects.get(pk=job_id).next_attempt_at
    batches.work_on(job_id=job_id, clock=Clock(started + timedelta(seconds=1)))


def score_all() -> None:
    for assessment in RiskAssessment.objects.filter(status="pending"):
        at = assessment.created_at + timedelta(seconds=1)
        engine = ScriptedEngine({"fraud": [0.0, -3.0]})
        score_assessment(job_id=assessment.job_id, engine=engine, release=RELEASE, clock=Clock(at))


def results(client: Client, where: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in client.get(f"{where}/results").getvalue().splitlines()]


def test_every_row_of_assessments_is_answered(nobody_listens_at_the_end):
    client, where = send(ndjson(payload(id="a"), payload(id="b"), {"id": "c"}), kind="risk.assessments")
    work()
    score_all()
    work()

    first, second, third = results(client, where)
    assert [row["status"] for row in (first, second, third)] == ["done", "done", "invalid"]
    assert (first["result"]["event"]["id"], first["result"]["outcome"]) == ("a", "approve")
    assert "/account" in {error["pointer"] for error in third["errors"]}


def test_what_somebody_waits_for_goes_first():
    send(ndjson(payload(id="a")), kind="risk.assessments")

    work()

    assert Job.objects.get(kind="risk.assessment").priority == -1


def test_history_is_stored_in_the_order_of_the_file():
    body = HEADER + "".join(
        f"tx-{number},acc-1,card_payment,ecommerce,{number}.50,EUR,2026-11-23T09:{number:02d}:00Z,DE,true,8\n"
        for number in range(1, 31)
    )
    send(body, kind="risk.events", media="text/csv")

    work()

    stored = [event.external_id for event in Event.objects.order_by("sequence")]
    assert stored == [f"tx-{number}" for number in range(1, 31)]


def test_a_row_told_before_is_shown_as_such():
    twice = payload(id="a")
    client, where = send(ndjson(twice, twice, payload(id="a", amount="1.00")), kind="risk.events")

    work()

    rows = client.get(f"{where}/rows").json()["results"]
    assert [(row["status"], row["duplicate"], row["duplicate_of"]) for row in rows] == [
        ("done", None, None), ("done", "in_batch", 1), ("failed", "in_batch", 1),
    ]  # fmt: skip
    assert rows[2]["errors"][0]["code"] == "event_differs"
    assert Event.objects.count() == 1


def test_a_dry_run_of_assessments_stores_no_event():
    client, where = send(ndjson(payload(id="a"), {"id": "b"}), kind="risk.assessments", dry_run="true")

    work()

    assert (
        client.get(where).json()["counts"] | {"total": 2, "valid": 1, "invalid": 1}
        == client.get(where).json()["counts"]
    )
    assert (Event.objects.count(), RiskAssessment.objects.count()) == (0, 0)


def test_cells_become_the_values_their_fields_take():
    body = HEADER + "tx-1,acc-1,login,web,0.00,EUR,2026-11-23T09:00:00Z,DE,perhaps,much\n"
    client, where = send(body, kind="risk.events", media="text/csv")

    work()

    pointers = {error["pointer"] for error in client.get(f"{where}/rows").json()["results"][0]["errors"]}
    assert pointers == {"/device/has_touch", "/device/memory_gb"}


def test_an_answer_is_told_to_those_who_asked_for_it():
    client, _where = send(ndjson(payload(id="a")), kind="risk.assessments")
    wanted = {"url": "https://hooks.bank.example/", "event_types": ["risk.assessment.completed", "operation.failed"]}
    client.post("/api/v1/webhook-endpoints", wanted, content_type="application/json")
    work()

    score_all()

    assessment = RiskAssessment.objects.get()
    told = WebhookDelivery.objects.values_list("event_type", "data").get()
    ids = {"assessment_id": str(assessment.pk), "operation_id": str(assessment.job_id)}
    assert told == ("risk.assessment.completed", ids)


def test_an_operation_that_is_given_up_is_told_beside_the_answer_of_the_rules():
    client, _where = send(ndjson(payload(id="a")), kind="risk.assessments")
    wanted = {"url": "https://hooks.bank.example/", "event_types": ["risk.assessment.completed", "operation.failed"]}
    client.post("/api/v1/webhook-endpoints", wanted, content_type="application/json")
    work()
    assessment = RiskAssessment.objects.get()
    claim = jobs.claim(job_id=assessment.job_id, now=assessment.created_at + timedelta(seconds=1))

    jobs.fail(claim=claim, error_code="broken", retry=False, now=assessment.created_at + timedelta(seconds=2))

    told = sorted(WebhookDelivery.objects.values_list("event_type", flat=True))
    assert told == ["operation.failed", "risk.assessment.completed"]
