"""Rows as values: what can be read of them, and which say the same thing twice."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Min

from apps.api.parsers import MalformedBody, loads
from apps.batches.kinds import Reading, RowError, RowKind
from apps.batches.models import Batch, BatchRow
from apps.batches.reading import document_of_cells
from apps.batches.services.receiving import cells_of
from apps.common.encryption import keyed_digest

PURPOSE = "batch.row"


def check(batch: Batch, kind: RowKind, row: BatchRow, now: datetime) -> Reading:
    """What a row says, or all that is wrong with it."""
    if batch.columns is not None:
        return kind.read(document_of_cells(batch.columns, cells_of(row), kind.cell), now)
    try:
        document = loads(bytes(row.content))
    except MalformedBody as flaw:
        error = RowError(pointer=flaw.pointer, code=str(flaw.get_codes()), detail=str(flaw.detail))
        return Reading(errors=(error,))
    return kind.read(document, now)


def note_duplicates(batch: Batch, kind: RowKind, rows: Sequence[BatchRow], readings: Mapping[int, Reading]) -> None:
    """Write into rows which of them tell what was told before: in this batch, or by this institution ever.

    What the institution told before is looked up for dry runs alone; real work finds it out by itself.
    """
    keyed = [row for row in rows if readings[row.number].key]
    for row in keyed:
        row.key_digest = keyed_digest(batch.institution_id, PURPOSE, readings[row.number].key)
    first = _first_rows(batch, keyed)
    keys = [readings[row.number].key for row in keyed]
    known = kind.known(batch.institution_id, keys) if batch.dry_run and keys else set()
    for row in sorted(keyed, key=lambda row: row.number):
        earlier = first.setdefault(bytes(row.key_digest or b""), row.number)
        if earlier < row.number:
            row.duplicate, row.duplicate_of = BatchRow.Duplicate.IN_BATCH, earlier
        elif readings[row.number].key in known:
            row.duplicate = BatchRow.Duplicate.KNOWN


def _first_rows(batch: Batch, rows: Sequence[BatchRow]) -> dict[bytes, int]:
    """By digest, the first of the rows already looked at."""
    same = batch.rows.filter(key_digest__in=[row.key_digest for row in rows])
    firsts = same.order_by().values_list("key_digest").annotate(Min("number"))
    return {bytes(digest): number for digest, number in firsts}
