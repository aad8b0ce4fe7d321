"""Batches as they are worked on: part by part, each row once, whoever is killed meanwhile.

One job works on a batch from its first row to its last, so that the events of an account keep their order. Every
transaction that begins rows first holds the job (`jobs.extend`): a worker that lost it can begin nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.batches import kinds
from apps.batches.kinds import Begun, Reading, RowError, RowKind
from apps.batches.models import Batch, BatchRow
from apps.batches.services.checking import check, note_duplicates
from apps.common.errors import Overloaded, Unavailable
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.services import Claim
from apps.jobs.work import perform
from apps.webhooks import services as webhooks
from apps.webhooks.models import EventType

SLICE = timedelta(seconds=5)  # of work, until another batch may have the worker
MOST_WAITING = 32  # rows whose answers are to come: what one engine takes into its hands at once
POLL_S = 0.25
Status = BatchRow.Status


def work_on(*, job_id: UUID, clock: Callable[[], datetime]) -> bool:
    """Do one part of a batch's job. Safe to call twice, late or never.

    Returns:
        Whether the job was to be had and its part was done.
    """
    return perform(job_id=job_id, work=partial(_part, clock=clock), clock=clock)


def give_up(job: Job, now: datetime) -> None:
    """Note that a batch ended before all its rows did. Runs inside the transaction that ends its job."""
    open_batches = Batch.objects.filter(
        institution_id=job.institution_id, pk=job.subject_id, status__in=[Batch.Status.QUEUED, Batch.Status.RUNNING]
    )
    if open_batches.update(status=Batch.Status.FAILED, error_code=job.error_code, finished_at=now):
        data = {"operation_id": job.pk, "batch_id": job.subject_id}
        webhooks.emit(institution_id=job.institution_id, event_type=EventType.OPERATION_FAILED, data=data, now=now)


def _part(claim: Claim, *, clock: Callable[[], datetime]) -> None:
    owned = Batch.objects.filter(institution_id=claim.institution_id)
    batch = owned.select_related("client__institution").get(pk=claim.subject_id)
    Batch.objects.filter(pk=batch.pk, status=Batch.Status.QUEUED).update(status=Batch.Status.RUNNING)
    kind, until = kinds.get(batch.kind), clock() + SLICE
    while clock() < until:
        waiting = _collect(claim, batch, kind, clock())
        rows = _next(batch, kind, room=MOST_WAITING - waiting)
        if not rows and waiting:
            jobs.proceed(claim=claim, now=clock(), delay_s=POLL_S)
            return
        if not rows:
            _complete(claim, batch, clock())
            return
        try:
            _begin(claim, batch, kind, rows, clock())
        except (Overloaded, Unavailable) as refused:
            jobs.proceed(claim=claim, now=clock(), delay_s=refused.retry_after_s or POLL_S)
            return
    jobs.proceed(claim=claim, now=clock())


def _next(batch: Batch, kind: RowKind, *, room: int) -> list[BatchRow]:
    received = batch.rows.filter(status=Status.RECEIVED).order_by("number")
    return list(received[: max(0, min(room, kind.rows_at_once))]) if not batch.dry_run else list(received[:100])


@transaction.atomic
def _begin(claim: Claim, batch: Batch, kind: RowKind, rows: Sequence[BatchRow], now: datetime) -> None:
    """Check rows and begin their work, and note both, or none of it."""
    jobs.extend(claim=claim, now=now)
    readings = {row.number: check(batch, kind, row, now) for row in rows}
    note_duplicates(batch, kind, rows, readings)
    values = {number: reading.value for number, reading in readings.items() if not reading.errors}
    begun: Mapping[int, Begun] = {}
    if values and not batch.dry_run:
        begun = kind.begin(batch.client, values, now)
    for row in rows:
        _note(row, readings[row.number], begun.get(row.number), dry_run=batch.dry_run)
    BatchRow.objects.bulk_update(rows, ["status", "key_digest", "duplicate", "duplicate_of", "subject_id"])


def _note(row: BatchRow, reading: Reading, begun: Begun | None, *, dry_run: bool) -> None:
    if reading.errors:
        _fail(row, Status.INVALID, reading.errors)
    elif dry_run or begun is None:
        row.status = Status.VALID
    elif begun.error is not None:
        _fail(row, Status.FAILED, (begun.error,))
    else:
        row.subject_id = begun.subject_id
        row.status = Status.DONE if begun.subject_id is None else Status.WAITING
    if begun is not None and begun.known and not row.duplicate:
        row.duplicate = BatchRow.Duplicate.KNOWN


def _fail(row: BatchRow, status: BatchRow.Status, errors: Sequence[RowError]) -> None:
    row.status = status
    row.errors = [{"pointer": error.pointer, "code": error.code, "detail": error.detail} for error in errors]
    row.save(update_fields=["errors"])


def _collect(claim: Claim, batch: Batch, kind: RowKind, now: datetime) -> int:
    """Keep the answers that are there. Returns how many are still to come."""
    waiting = list(batch.rows.filter(status=Status.WAITING).order_by("number").defer("content"))
    if not waiting:
        return 0
    subject_ids = [row.subject_id for row in waiting if row.subject_id is not None]
    answers = kind.collect(batch.institution_id, subject_ids)
    answered = [row for row in waiting if row.subject_id in answers]
    if answered:
        _keep_answers(claim, answered, answers, now)
    return len(waiting) - len(answered)


@transaction.atomic
def _keep_answers(claim: Claim, rows: Sequence[BatchRow], answers: Mapping[UUID, Any], now: datetime) -> None:
    jobs.extend(claim=claim, now=now)
    for row in rows:
        assert row.subject_id is not None
        row.result, row.status = answers[row.subject_id], Status.DONE
        row.save(update_fields=["result", "status"])


@transaction.atomic
def _complete(claim: Claim, batch: Batch, now: datetime) -> None:
    jobs.finish(claim=claim, now=now)
    Batch.objects.filter(pk=batch.pk).update(status=Batch.Status.COMPLETED, finished_at=now)
    data = {"batch_id": batch.pk, "operation_id": claim.job_id}
    webhooks.emit(institution_id=batch.institution_id, event_type=EventType.BATCH_COMPLETED, data=data, now=now)
