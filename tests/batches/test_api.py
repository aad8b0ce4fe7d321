"""Batches over REST."""

import csv
import io
import json
from typing import Any

import pytest
from django.test import Client

from apps.batches.models import Batch, BatchRow
from apps.tenants.models import Institution
from apps.tenants.services import create_client
from tests.batches import rows
from tests.batches.conftest import NOW, received, work

pytestmark = pytest.mark.django_db(transaction=True)

URL = "/api/v1/batches"
NDJSON = "application/x-ndjson"
BODY = '{"id":"now-1"}\n{"id":"a"}\n{}\n'


@pytest.fixture
def client(client_and_key) -> Client:
    return Client(headers={"Authorization": f"Bearer {client_and_key[1]}"})


def send(
    client: Client, body: str = BODY, *, query: str = "type=test.rows", media: str = NDJSON, key: str = "k-1"
) -> Any:
    return client.generic("POST", f"{URL}?{query}", body, content_type=media, headers={"Idempotency-Key": key})


def batch_at(client: Client, where: str) -> tuple[str, dict[str, int], float]:
    answer = client.get(where).json()
    return answer["status"], {name: count for name, count in answer["counts"].items() if count}, answer["progress"]


def test_a_batch_is_promised_and_worked_on(client):
    answer = send(client)

    assert (answer.status_code, answer["Location"]) == (202, f"{URL}/{answer.json()['id']}")
    assert answer.json()["links"]["operation"] == f"/api/v1/operations/{Batch.objects.get().job_id}"
    work(Batch.objects.get())
    assert batch_at(client, answer["Location"]) == (
        "running", {"total": 3, "valid": 2, "invalid": 1, "waiting": 1, "done": 1}, 0.6667,
    )  # fmt: skip


def test_the_same_request_gets_the_same_answer_and_leaves_nothing_behind(client):
    first, second = send(client), send(client)

    assert (second.status_code, second.content) == (202, first.content)
    assert second["Idempotent-Replayed"] == "true"
    assert (Batch.objects.count(), BatchRow.objects.count()) == (1, 3)


@pytest.mark.parametrize(("body", "query"), [(BODY + "{}\n", "type=test.rows"), (BODY, "type=test.rows&dry_run=true")])
def test_a_key_stands_for_one_upload(client, body, query):
    send(client)

    assert send(client, body, query=query).json()["code"] == "idempotency_key_reused"
    assert (Batch.objects.count(), BatchRow.objects.count()) == (1, 3)


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"query": "type=none"}, 400, "invalid_query"),
        ({"query": "type=test.rows&color=red"}, 400, "invalid_query"),
        ({"query": "type=test.rows&dry_run=perhaps"}, 400, "invalid_query"),
        ({"media": "application/json"}, 415, "unsupported_media_type"),
        ({"media": "text/csv; charset=latin-1"}, 415, "unsupported_media_type"),
        ({"body": "\n\n"}, 422, "no_rows"),
        ({"body": "tx-1,acc-1\n", "media": "text/csv"}, 422, "header_refused"),
        ({"key": ""}, 400, "idempotency_key_missing"),
    ],
)
def test_what_cannot_be_a_batch_is_refused_and_leaves_nothing_behind(client, changes, status, code):
    refused = send(client, **changes)

    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (Batch.objects.count(), BatchRow.objects.count()) == (0, 0)


def test_more_rows_than_a_batch_may_have_are_refused(client, monkeypatch):
    monkeypatch.setattr("apps.batches.services.receiving.MOST_ROWS", 2)

    assert send(client).json()["code"] == "upload_too_large"
    assert Batch.objects.count() == 0


def test_rows_are_shown_with_what_is_wrong_with_them(client):
    where = send(client)["Location"]
    work(Batch.objects.get())

    found = client.get(f"{where}/rows", {"status": "invalid"}).json()["results"]

    error = {"pointer": "/id", "code": "required", "detail": "This field is required."}
    assert found == [{"row": 3, "status": "invalid", "duplicate": None, "duplicate_of": None, "errors": [error]}]


def test_rows_come_in_the_order_of_the_upload_page_by_page(client):
    where = send(client, "".join(f'{{"id":"now-{number}"}}\n' for number in range(5)))["Location"]

    first = client.get(f"{where}/rows", {"limit": 3}).json()
    second = client.get(first["next"]).json()

    assert [row["row"] for row in first["results"] + second["results"]] == [1, 2, 3, 4, 5]


def test_results_are_there_when_the_batch_is_done_or_in_part(client):
    where = send(client)["Location"]
    work(Batch.objects.get())

    assert client.get(f"{where}/results").json()["code"] == "not_finished"
    partial = client.get(f"{where}/results", {"partial": "true"})
    assert [json.loads(line)["status"] for line in partial.getvalue().splitlines()] == ["done", "waiting", "invalid"]


def test_results_come_as_ndjson(client, api_client):
    rows.answers[rows.subject_of("a")] = {"score": 0.25, "note": "fine"}
    batch = received(api_client, '{"id":"a"}\n')
    work(batch)

    answer = client.get(f"{URL}/{batch.pk}/results", headers={"Accept": NDJSON})

    assert answer["Content-Type"] == NDJSON
    assert json.loads(answer.getvalue())["result"] == {"score": 0.25, "note": "fine"}


def test_results_as_csv_hold_no_formula(client, api_client):
    rows.answers[rows.subject_of("a")] = {"score": -0.25, "note": '=HYPERLINK("http://evil.example","x")'}
    batch = received(api_client, '{"id":"a"}\n')
    work(batch)

    answer = client.get(f"{URL}/{batch.pk}/results", headers={"Accept": "text/csv"})

    header, row = csv.reader(io.StringIO(answer.getvalue().decode()))
    assert (header[0], header[-2:]) == ("row", ["score", "note"])
    assert row[-2:] == ["-0.25", '\'=HYPERLINK("http://evil.example","x")']


def test_a_dry_run_ends_with_its_report(client):
    where = send(client, query="type=test.rows&dry_run=true")["Location"]

    work(Batch.objects.get())

    assert batch_at(client, where) == ("completed", {"total": 3, "valid": 2, "invalid": 1}, 1.0)
    assert rows.begun == {}


def test_a_batch_can_be_cancelled_once(client):
    where = send(client)["Location"]

    assert [client.delete(where).status_code for _ in range(2)] == [204, 409]
    assert client.get(where).json()["status"] == "cancelled"


@pytest.mark.parametrize("below", ["", "/rows", "/results"])
def test_a_strangers_batch_looks_like_none(client, below):
    where = send(client)["Location"]
    other = Institution.objects.create(name="Second Bank", kind=Institution.Kind.BANK)
    _client, key = create_client(institution=other, name="x", mode="test", now=NOW)

    strange = Client(headers={"Authorization": f"Bearer {key}"}).get(f"{where}{below}")

    assert (strange.status_code, strange.json()["detail"]) == (404, "There is no such batch.")


@pytest.mark.parametrize("count", [1, 8])
def test_a_list_costs_the_same_however_long_it_is(client, count, django_assert_max_num_queries):
    for number in range(count):
        send(client, key=f"k-{number}")

    with django_assert_max_num_queries(12):
        listed = client.get(URL).json()["results"]

    assert [batch["counts"]["total"] for batch in listed] == [3] * count
