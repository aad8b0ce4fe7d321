"""Uploads: read as they come, kept sealed, and promised once they are whole."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.batches import kinds
from apps.batches.models import Batch, BatchRow
from apps.batches.reading import (
    MOST_ROWS,
    Lines,
    Row,
    UploadRefused,
    UploadTooLarge,
    csv_header,
    csv_rows,
    ndjson_rows,
)
from apps.jobs import services as jobs
from apps.tenants.models import ApiClient

JOB_KIND = "batch.run"
PRIORITY = -2  # after webhooks, and after whatever somebody waits for
TIME_TO_RUN = timedelta(hours=24)
ROWS_AT_ONCE = 500  # about 0.1 s; 2026-11-24


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """How an upload is to be read.

    Attributes:
        delimiter: between the cells of a CSV file; None for NDJSON.
    """

    kind: str
    dry_run: bool
    delimiter: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An upload that arrived whole. Nobody was promised anything yet.

    Attributes:
        sha256: of its bytes and of how they are to be read.
    """

    batch_id: UUID
    sha256: str


def receive(*, client: ApiClient, upload: Upload, read: Callable[[int], bytes], now: datetime) -> Received:
    """Read an upload to its end, row by row into sealed rows. Several transactions; all or nothing in effect.

    Args:
        read: gives at most so many bytes, none at the end.

    Raises:
        UploadTooLarge, HeaderRefused, UploadRefused: nothing of it is kept.
    """
    kind = kinds.get(upload.kind)
    batch = Batch.objects.create(
        institution_id=client.institution_id, client=client, kind=kind.name, dry_run=upload.dry_run, created_at=now
    )
    lines = Lines(read)
    try:
        total = _keep_all(batch, _rows(batch, upload, lines, kind.fields))
    except BaseException:  # a connection that breaks off, too, leaves nothing behind
        discard(batch_id=batch.pk)
        raise
    Batch.objects.filter(pk=batch.pk).update(total=total, columns=batch.columns)
    told = f"{upload.kind} {upload.dry_run} {upload.delimiter} {lines.sha256}"
    return Received(batch_id=batch.pk, sha256=sha256(told.encode()).hexdigest())


@transaction.atomic
def open_batch(*, batch_id: UUID, request_key: UUID, actor: str, now: datetime) -> Batch:
    """Promise the work of an upload. A request that is repeated gets the batch of its first time.

    Raises:
        Overloaded, Unavailable: see `jobs.enqueue`.
    """
    earlier = Batch.objects.select_related("job").filter(request_key=request_key).first()
    if earlier is not None:
        discard(batch_id=batch_id)
        return earlier
    batch = Batch.objects.select_related("institution").get(pk=batch_id, status=Batch.Status.RECEIVING)
    batch.job = jobs.enqueue(
        institution=batch.institution,
        kind=JOB_KIND,
        subject_id=batch.pk,
        deadline_at=now + TIME_TO_RUN,
        now=now,
        priority=PRIORITY,
    )
    batch.status, batch.request_key, batch.created_at = Batch.Status.QUEUED, request_key, now
    batch.save(update_fields=["job", "status", "request_key", "created_at"])
    audit.record(actor=actor, action="batch.requested", institution=batch.institution, subject=batch, now=now)
    return batch


def discard(*, batch_id: UUID) -> bool:
    """Forget an upload that nobody was promised anything for. Returns whether there was one."""
    return bool(Batch.objects.filter(pk=batch_id, status=Batch.Status.RECEIVING).delete()[0])


def discard_abandoned(*, before: datetime) -> int:
    """Forget uploads that began before a moment and never became whole; returns how many rows that were."""
    return Batch.objects.filter(status=Batch.Status.RECEIVING, created_at__lt=before).delete()[0]


def _rows(batch: Batch, upload: Upload, lines: Lines, fields: frozenset[str]) -> Iterator[Row]:
    if upload.delimiter is None:
        return ndjson_rows(lines)
    batch.columns, reader = csv_header(lines, delimiter=upload.delimiter, fields=fields)
    return csv_rows(lines, reader, columns=len(batch.columns))


def _keep_all(batch: Batch, rows: Iterator[Row]) -> int:
    total = 0
    while part := list(islice(rows, ROWS_AT_ONCE)):
        total += len(part)
        if total > MOST_ROWS:
            raise UploadTooLarge(_("A batch may have at most %(rows)d rows.") % {"rows": MOST_ROWS})
        _keep(batch, part)
    if not total:
        raise UploadRefused(_("There are no rows."), code="no_rows")
    return total


def _keep(batch: Batch, rows: Iterable[Row]) -> None:
    made = [
        BatchRow(
            institution_id=batch.institution_id,
            batch=batch,
            number=row.number,
            content=row.content,
            status=BatchRow.Status.INVALID if row.flaw else BatchRow.Status.RECEIVED,
            errors=[{"pointer": "", "code": row.flaw, "detail": flaw_text(row.flaw)}] if row.flaw else None,
        )
        for row in rows
    ]
    BatchRow.objects.bulk_create(made)


def flaw_text(code: str) -> str:
    """The sentence for a line that could not be read. Raises KeyError for an unknown code."""
    return {
        "line_too_long": _("The line is too long."),
        "not_utf8": _("The line is not UTF-8."),
        "malformed_csv": _("A quote is not where RFC 4180 has it."),
        "column_count": _("There are more or fewer cells than the first line names fields."),
    }[code]


def cells_of(row: BatchRow) -> list[str]:
    """A CSV row's cells."""
    cells = json.loads(row.content)
    assert isinstance(cells, list)
    return cells
