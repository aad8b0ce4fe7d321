"""POST that is safe to repeat, also when many do it at once and when processes die."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from rest_framework.test import APIClient

from apps.api import locks
from apps.api.models import IdempotencyRecord
from apps.api.once import body_digest, key_digest
from apps.tenants.models import ApiClient
from apps.tenants.services import create_client
from tests.api.conftest import NOW
from tests.api.urls import Once

pytestmark = pytest.mark.urls("tests.api.urls")

URL = "/api/test/once"


@pytest.fixture(autouse=True)
def fresh_counter():
    Once.runs.clear()
    Once.gate.clear()


def post(api: APIClient, key: str | None = "k-1", body: object = None, url: str = URL):
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.post(url, {} if body is None else body, format="json", headers=headers)


def test_a_repeated_request_gets_the_first_answer_byte_for_byte(api):
    first, again = post(api), post(api)

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content == b'{"run":1}'
    assert again["Location"] == "/things/1"
    assert again["Content-Type"] == "application/json"
    assert again["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first
    assert "X-Other" not in again
    assert len(Once.runs) == 1


@pytest.mark.parametrize("key", [None, "", "   ", "x" * 256, "caf\u00e9", "a\tb", '""'])
def test_a_post_without_a_readable_key_is_refused(api, key):
    answer = post(api, key)

    assert answer.status_code == 400
    assert answer.json()["code"] == "idempotency_key_missing"
    assert Once.runs == []


@pytest.mark.parametrize("key", ["x", "x" * 255, "with spaces and ~!@", "a'b\"c"])
def test_any_printable_key_is_accepted(api, key):
    assert post(api, key).status_code == 201


def test_a_quoted_key_is_the_same_key(api):
    post(api, '"k-1"')

    assert post(api, "k-1")["Idempotent-Replayed"] == "true"


def test_another_body_under_the_same_key_is_refused(api):
    post(api, body={"a": 1})
    answer = post(api, body={"a": 2})

    assert answer.status_code == 422
    assert answer.json()["code"] == "idempotency_key_reused"
    assert len(Once.runs) == 1


def test_a_key_counts_for_one_address(api):
    post(api)
    elsewhere = post(api, url="/api/test/once-elsewhere")

    assert "Idempotent-Replayed" not in elsewhere
    assert len(Once.runs) == 2


def test_clients_do_not_share_keys(api, bank):
    _, other_key = create_client(institution=bank, name="other", mode="live", now=NOW)
    post(api, body={"a": 1})
    other = post(APIClient(HTTP_AUTHORIZATION=f"Bearer {other_key}"), body={"a": 2})

    assert other.status_code == 201
    assert "Idempotent-Replayed" not in other


def test_a_refusal_is_not_kept_so_the_key_serves_the_corrected_body(api):
    assert post(api, body={"then": "refuse"}).status_code == 422
    assert IdempotencyRecord.objects.count() == 0
    assert post(api, body={}).status_code == 201


def test_after_a_failure_the_retry_runs_again_under_the_same_id(api):
    assert post(api, body={"then": "crash"}).status_code == 500
    assert post(api, body={"then": "crash"}).status_code == 500

    assert len(Once.runs) == 2
    assert Once.runs[0] == Once.runs[1]
    assert IdempotencyRecord.objects.get().status is None


def test_a_refusal_after_a_failure_keeps_what_the_first_attempt_may_have_done(api):
    post(api, body={"then": "crash"})
    record = IdempotencyRecord.objects.get()
    refused = hashlib.sha256(b'{"then":"refuse"}').hexdigest()
    record.body_digest = body_digest(record.institution_id, refused)
    record.save()

    assert post(api, body={"then": "refuse"}).status_code == 422
    assert IdempotencyRecord.objects.get().pk == record.pk


def test_records_are_purged_after_a_day_and_not_before(api, bank):
    post(api, "old")
    post(api, "young")
    old, young = (key_digest(bank.pk, key) for key in ("old", "young"))
    IdempotencyRecord.objects.filter(key_digest=old).update(created_at=timezone.now() - timedelta(hours=24, seconds=1))

    call_command("purge_idempotency_records")

    assert [bytes(record.key_digest) for record in IdempotencyRecord.objects.all()] == [young]


def test_the_purge_never_keeps_less_than_promised(db):
    with pytest.raises(CommandError, match="24 hours"):
        call_command("purge_idempotency_records", "--hours", "23")


def test_whoever_comes_in_beside_a_lost_lock_is_turned_away_by_the_table(api, monkeypatch):
    monkeypatch.setattr(IdempotencyRecord.objects, "filter", lambda **_: IdempotencyRecord.objects.none())
    first, beside = post(api), post(api)

    assert (first.status_code, beside.status_code) == (201, 409)
    assert len(Once.runs) == 1


def test_another_body_is_told_so_even_while_the_first_request_runs(api, bank_client):
    with locks.locks().held(lock_id(bank_client[0].pk)):
        begun(bank_client[0], "0" * 64)

        assert post(api).status_code == 422


def in_threads(call, count: int) -> list[Any]:
    def one(_: int):
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_one_runs_and_the_others_wait_their_turn_or_see_its_answer(api):
    token = api.defaults["HTTP_AUTHORIZATION"]

    answers = in_threads(lambda: post(APIClient(HTTP_AUTHORIZATION=token)), 20)

    assert len(Once.runs) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.content for answer in answers if answer.status_code == 201} == {b'{"run":1}'}
    assert post(api).content == b'{"run":1}'


@pytest.mark.django_db(transaction=True)
def test_only_while_the_first_request_runs_is_a_repeat_in_conflict(api):
    token = api.defaults["HTTP_AUTHORIZATION"]
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(in_threads, lambda: post(APIClient(HTTP_AUTHORIZATION=token), body={"then": "wait"}), 1)
        while not Once.runs:
            pass
        meanwhile = post(api, body={"then": "wait"})
        Once.gate.set()
        first.result()

    assert (meanwhile.status_code, meanwhile.json()["code"]) == (409, "idempotency_key_in_use")
    assert meanwhile["Retry-After"] == "1"
    assert post(api, body={"then": "wait"})["Idempotent-Replayed"] == "true"


@pytest.mark.django_db(transaction=True)
def test_repeats_of_an_answered_request_never_conflict(api):
    token = api.defaults["HTTP_AUTHORIZATION"]
    post(api)

    answers = in_threads(lambda: post(APIClient(HTTP_AUTHORIZATION=token)), 20)

    assert {answer.status_code for answer in answers} == {201}
    assert len(Once.runs) == 1


@pytest.mark.django_db(transaction=True)
def test_a_dead_process_never_blocks_its_key(api, bank_client):
    record = begun(bank_client[0], hashlib.sha256(b"{}").hexdigest())
    dying = psycopg.connect(locks.locks()._conninfo)
    dying.execute("SELECT pg_advisory_lock(%s)", [lock_id(bank_client[0].pk)])

    blocked = post(api)
    dying.close()
    retried = post(api)

    assert blocked.status_code == 409
    assert retried.status_code == 201
    assert Once.runs == [record.pk]


def begun(client: ApiClient, body_sha256: str) -> IdempotencyRecord:
    return IdempotencyRecord.objects.create(
        institution_id=client.institution_id,
        client=client,
        operation=f"POST {URL}",
        key_digest=key_digest(client.institution_id, "k-1"),
        body_digest=body_digest(client.institution_id, body_sha256),
        created_at=datetime.now(UTC),
    )


def lock_id(client_id: object) -> int:
    name = f"idempotency\n{client_id}\nPOST {URL}\nk-1"
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
