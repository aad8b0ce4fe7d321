"""Assessments over REST, with a worker's part done by the test."""

import json
from threading import Thread
from time import sleep

import pytest
from django.db import connection
from django.utils import timezone

from apps.jobs.models import Job
from riskscore.models import Event, RiskAssessment
from riskscore.services import score_assessment
from tests.engines import ScriptedEngine
from tests.riskscore.makers import RELEASE, bank, key_of, payload
from tests.riskscore.rest import get, post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("nobody_listens_at_the_end")]
URL = "/api/v1/risk/assessments"


@pytest.fixture
def key():
    return key_of(bank())[1]


def worker(logits=(0.0, -3.0)):
    """Score the next job as soon as there is one, in a thread, as a worker would."""

    def work():
        while (job := Job.objects.filter(status=Job.Status.QUEUED).first()) is None:
            sleep(0.01)
        engine = ScriptedEngine({"fraud": logits})
        score_assessment(job_id=job.pk, engine=engine, release=RELEASE, clock=timezone.now)
        connection.close()

    thread = Thread(target=work)
    thread.start()
    return thread


def test_an_answer_inside_the_wait_is_201_with_the_result(key):
    thread = worker()

    response = post(key, URL, payload(), prefer="wait=10")

    thread.join()
    body = response.json()
    assert response.status_code == 201
    assert response["Location"] == f"{URL}/{body['id']}"
    assert (body["status"], body["score"], body["outcome"]) == ("completed", 0.0474, "approve")
    assert response["Preference-Applied"] == "wait=10"
    assert [part.split(";")[0] for part in response["Server-Timing"].split(", ")] == ["queue", "infer", "total"]


def test_without_an_answer_in_the_wait_it_is_202_and_an_operation_to_follow(key):
    response = post(key, URL, payload())

    job = Job.objects.get()
    assert response.status_code == 202
    assert response["Location"] == f"/api/v1/operations/{job.pk}"
    assert (response.json()["status"], response.json()["score"]) == ("pending", None)
    assert get(key, response["Location"]).json()["status"] == "queued"


def test_past_its_deadline_the_rules_alone_answer(key):
    response = post(key, URL, payload(deadline_ms=60), prefer="wait=5")

    body = response.json()
    assert response.status_code == 201
    assert (body["degraded"], body["score"], body["outcome"]) == (True, None, "review")
    assert body["reasons"][0]["code"] == "model_unavailable"
    assert Job.objects.get().status == Job.Status.EXPIRED


def test_a_repeat_with_the_same_key_is_byte_identical(key):
    first = post(key, URL, payload())
    again = post(key, URL, payload())

    assert again.content == first.content
    assert again["Idempotent-Replayed"] == "true"
    assert RiskAssessment.objects.count() == 1


def test_the_same_event_under_another_key_is_the_same_assessment(key):
    first = post(key, URL, payload(), idempotency_key="k-1")
    again = post(key, URL, payload(), idempotency_key="k-2")

    assert again.json()["id"] == first.json()["id"]
    assert Event.objects.count() == 1


def test_another_event_under_the_same_id_is_409_and_changes_nothing(key):
    post(key, URL, payload(), idempotency_key="k-1")

    response = post(key, URL, payload(amount="26.00"), idempotency_key="k-2")

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (409, "/id")
    assert [str(event.amount) for event in Event.objects.all()] == ["249.9000"]


def test_a_stranger_finds_nothing(key):
    found = post(key, URL, payload()).json()["id"]
    stranger = key_of(bank("Second Bank"))[1]

    known, unknown = get(stranger, f"{URL}/{found}"), get(stranger, f"{URL}/00000000-0000-4000-8000-000000000000")

    assert (known.status_code, unknown.status_code) == (404, 404)
    assert known.json()["detail"] == unknown.json()["detail"]
    assert get(stranger, URL).json()["results"] == []
    assert post(stranger, f"{URL}/{found}/feedback", {"verdict": "fraud", "reported_by": "analyst"}).status_code == 404


def test_two_banks_may_use_the_same_ids(key):
    stranger = key_of(bank("Second Bank"))[1]

    answers = [post(key, URL, payload()), post(stranger, URL, payload())]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert RiskAssessment.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"amount": "-1"}, "/amount"),
        ({"amount": "1e3"}, "/amount"),
        ({"amount": "0.12345"}, "/amount"),
        ({"amount": True}, "/amount"),
        ({"currency": "euro"}, "/currency"),
        ({"kind": "gift"}, "/kind"),
        ({"occurred_at": "2026-11-23T12:00:00"}, "/occurred_at"),
        ({"occurred_at": "2999-01-01T00:00:00Z"}, "/occurred_at"),
        ({"account": "a\u0007b"}, "/account"),
        ({"account": ""}, "/account"),
        ({"account": "x" * 65}, "/account"),
        ({"account": "4111111111111111"}, "/account"),
        ({"account": "4111 1111 1111 1111"}, "/account"),
        ({"id": "5555555555554444"}, "/id"),
        ({"card": {"number": "4111111111111112"}}, "/card/number"),
        ({"device": {"platform": "toaster"}}, "/device/platform"),
        ({"device": {"memory_gb": "nan"}}, "/device/memory_gb"),
        ({"device": {"id": "378282246310005"}}, "/device/id"),
        ({"counterparty": {"kind": "merchant", "id": "pay 4111-1111-1111-1111 now"}}, "/counterparty/id"),
        ({"counterparty": {"kind": "merchant"}}, "/counterparty/id"),
        ({"amout": 1}, "/amout"),
        ({"device": {"is_emulator": "no"}}, "/device/is_emulator"),
        ({"deadline_ms": 5}, "/deadline_ms"),
    ],
)
def test_bad_input_is_422_at_the_field_and_nothing_is_stored(key, change, pointer):
    response = post(key, URL, payload(**change))

    assert (response.status_code, [error["pointer"] for error in response.json()["errors"]]) == (422, [pointer])
    assert (Event.objects.count(), Job.objects.count()) == (0, 0)


def test_a_card_number_never_reaches_the_database(key):
    post(key, URL, payload(card={"number": "4111 1111 1111 1111"}), idempotency_key="k-1")
    post(key, URL, payload(id="tx-2", account="4111111111111111"), idempotency_key="k-2")

    assert Event.objects.get().card == "411111…1111"
    assert rows_with("4111111111111111") + rows_with("4111 1111 1111 1111") == []


def rows_with(text):
    """Names of the tables that hold the text in any row."""
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        counts = {name: f'SELECT count(*) FROM "{name}" AS t WHERE t::text LIKE %s' for name in names}
        return [name for name, query in counts.items() if cursor.execute(query, [f"%{text}%"]).fetchone()[0]]


def test_amounts_keep_every_digit(key):
    body = json.dumps(payload()).replace('"249.90"', "12345678901.2345")

    assert post(key, URL, body).status_code == 202
    assert str(Event.objects.get().amount) == "12345678901.2345"
