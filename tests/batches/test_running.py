"""Batches from promise to end."""

import io
from datetime import timedelta
from uuid import uuid4

import pytest

from apps.audit.models import AuditEvent
from apps.batches import selectors, services
from apps.batches.models import Batch, BatchRow
from apps.common.errors import NotFound, Overloaded
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.webhooks import services as webhooks
from apps.webhooks.models import EventType, WebhookDelivery
from tests.batches import rows
from tests.batches.conftest import NOW, job_of, received, standing, work

pytestmark = pytest.mark.django_db(transaction=True)


def lines(*ids: str) -> str:
    return "".join(f'{{"id":"{row_id}"}}\n' for row_id in ids)


def test_rows_that_need_no_answer_are_done_at_once(api_client):
    batch = received(api_client, lines("now-1", "now-2"))

    assert work(batch) == ("succeeded", {1: "done", 2: "done"})
    batch.refresh_from_db()
    assert (batch.status, batch.total) == ("completed", 2)


def test_a_row_waits_for_its_answer_and_keeps_it(api_client):
    batch = received(api_client, lines("a"))
    assert work(batch) == ("queued", {1: "waiting"})

    rows.answers[rows.subject_of("a")] = {"score": 0.5}

    assert work(batch) == ("succeeded", {1: "done"})
    assert batch.rows.get().result == {"score": 0.5}
    assert rows.begun == {"a": 1}


def test_no_more_rows_wait_than_an_engine_takes(api_client):
    batch = received(api_client, lines(*(f"a{number}" for number in range(40))))

    work(batch)

    assert sorted(standing(batch).values()) == ["received"] * 8 + ["waiting"] * 32


def test_a_bad_row_spoils_no_other(api_client):
    batch = received(api_client, '{"id":"now-1"}\n{"id":\n{"amount":1}\n{"id":"bad"}\n{"id":"now-2"}\n')

    assert work(batch)[1] == {1: "done", 2: "invalid", 3: "invalid", 4: "failed", 5: "done"}
    errors = {row.number: row.told_errors[0]["code"] for row in batch.rows.exclude(status="done")}
    assert errors == {2: "malformed_json", 3: "required", 4: "refused"}


def test_what_is_told_twice_is_shown_beside_its_row(api_client):
    batch = received(api_client, lines("now-1", "now-2", "now-1"))

    work(batch)

    assert list(batch.rows.order_by("number").values_list("duplicate", "duplicate_of")) == [
        ("", None), ("", None), ("in_batch", 1),
    ]  # fmt: skip


def test_a_dry_run_says_what_would_happen_and_does_nothing(api_client):
    rows.told.add("now-2")
    batch = received(api_client, lines("now-1", "now-2", "now-1") + "{}\n", dry_run=True)

    assert work(batch) == ("succeeded", {1: "valid", 2: "valid", 3: "valid", 4: "invalid"})
    assert rows.begun == {}
    assert dict(batch.rows.values_list("number", "duplicate")) == {1: "", 2: "known", 3: "in_batch", 4: ""}


def test_a_part_that_is_refused_for_now_is_tried_again_later(api_client):
    batch = received(api_client, lines("now-1"))
    rows.refusals.append(Overloaded("full", retry_after_s=2.0))

    assert work(batch) == ("queued", {1: "received"})
    assert work(batch) == ("succeeded", {1: "done"})


def test_a_worker_that_lost_its_job_begins_nothing(api_client, monkeypatch):
    batch = received(api_client, lines("now-1"))
    monkeypatch.setattr(rows, "begin", None)
    stolen = jobs.claim(job_id=job_of(batch), now=NOW)
    jobs.give_back(job_id=job_of(batch), fence=stolen.fence, error_code="x", next_attempt_at=NOW, now=NOW)

    with pytest.raises(jobs.FenceLost):
        jobs.extend(claim=stolen, now=NOW)

    assert standing(batch) == {1: "received"}


def test_what_is_stored_of_a_row_names_nobody(api_client):
    batch = received(api_client, lines("canary-4711"))
    work(batch)

    stored = BatchRow.objects.values_list("content", "key_digest").get(batch=batch)
    assert b"canary" not in bytes(stored[0].token) + bytes(stored[1] or b"")


def test_the_end_of_a_batch_is_told(api_client):
    webhooks.create_endpoint(
        institution=api_client.institution,
        url="https://hooks.bank.example/",
        event_types=[EventType.BATCH_COMPLETED],
        description="",
        actor="client:test",
        now=NOW,
    )
    batch = received(api_client, lines("now-1"))

    work(batch)

    told = WebhookDelivery.objects.get()
    assert told.data == {"batch_id": str(batch.pk), "operation_id": str(batch.job_id)}


def test_a_batch_whose_job_expires_has_failed(api_client):
    batch = received(api_client, lines("a"))

    jobs.expire(job_id=job_of(batch), now=NOW + timedelta(hours=24))

    batch.refresh_from_db()
    assert (batch.status, batch.error_code) == ("failed", "deadline_exceeded")


def test_a_cancelled_batch_begins_no_more_rows(api_client):
    batch = received(api_client, lines("now-1"))
    jobs.cancel(job_id=job_of(batch), institution_id=batch.institution_id, now=NOW)

    assert work(batch) == ("cancelled", {1: "received"})
    assert selectors.state_of(Batch.objects.select_related("job").get()) == "cancelled"


def test_a_request_that_is_repeated_gets_the_same_batch(api_client):
    batch = received(api_client, lines("now-1"))
    again = services.receive(
        client=api_client,
        upload=services.Upload(kind="test.rows", dry_run=False, delimiter=None),
        read=io.BytesIO(lines("now-1").encode()).read,
        now=NOW,
    )

    opened = services.open_batch(
        batch_id=again.batch_id, request_key=batch.request_key or uuid4(), actor="client:test", now=NOW
    )

    assert (opened.pk, Batch.objects.count(), Job.objects.count()) == (batch.pk, 1, 1)


def test_an_upload_that_broke_off_is_forgotten(api_client):
    Batch.objects.create(institution=api_client.institution, client=api_client, kind="test.rows", created_at=NOW)
    received(api_client, lines("now-1"))

    services.discard_abandoned(before=NOW + timedelta(hours=1))

    assert list(Batch.objects.values_list("status", flat=True)) == ["queued"]


def test_a_batch_is_in_the_trail(api_client):
    batch = received(api_client, lines("now-1"))

    assert AuditEvent.objects.filter(action="batch.requested", subject_id=str(batch.pk)).count() == 1


def test_five_attempts_without_progress_end_a_batch(api_client):
    batch = received(api_client, lines("a"))

    for _ in range(5):
        claim = jobs.claim(job_id=job_of(batch), now=NOW)
        jobs.give_back(job_id=job_of(batch), fence=claim.fence, error_code="lost", next_attempt_at=NOW, now=NOW)

    batch.refresh_from_db()
    assert (batch.status, batch.error_code) == ("failed", "lost")


def test_every_row_that_is_begun_lets_attempts_count_anew(api_client, monkeypatch):
    monkeypatch.setattr("apps.batches.services.running._complete", _killed)
    batch = received(api_client, lines("now-1"))
    Job.objects.update(attempts=3)

    with pytest.raises(SystemExit):
        work(batch)

    assert standing(batch) == {1: "done"}
    assert Job.objects.values_list("status", "attempts").get() == ("running", 1)


def test_an_unknown_batch_looks_like_a_strangers(api_client):
    batch = received(api_client, lines("a"))

    for batch_id, institution_id in ((uuid4(), batch.institution_id), (batch.pk, uuid4())):
        with pytest.raises(NotFound, match="no such batch"):
            selectors.access_batch(batch_id=batch_id, institution_id=institution_id)


def _killed(*_args: object) -> None:
    raise SystemExit(9)
