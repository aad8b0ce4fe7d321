"""Reading batches."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from apps.batches.models import Batch, BatchRow
from apps.common import scope
from apps.common.errors import Conflict, NotFound
from apps.jobs.models import Job

ROWS_AT_ONCE = 500


class NotFinished(Conflict):
    """The batch still runs: its results are not all there."""

    code = "not_finished"


def access_batch(*, batch_id: UUID, institution_id: UUID) -> Batch:
    """An institution's own batch. Raises NotFound for a stranger's as for one that never was."""
    owned = Batch.objects.filter(institution_id=institution_id).exclude(status=Batch.Status.RECEIVING)
    batch = owned.select_related("job", "institution").filter(pk=batch_id).first()
    if batch is None:
        raise NotFound(_("There is no such batch."))
    return batch


def state_of(batch: Batch) -> str:
    """Where a batch stands; one whose operation was cancelled is cancelled."""
    cancelled = batch.job is not None and batch.job.status == Job.Status.CANCELLED
    return "cancelled" if cancelled else str(batch.status)


def counts_of(batches: Sequence[Batch]) -> dict[UUID, dict[str, int]]:
    """Rows of batches by what became of them: one query.

    ``valid`` counts every row that passed its check, whatever came after.
    """
    counted: dict[UUID, Counter[str]] = {batch.pk: Counter() for batch in batches}
    groups = BatchRow.objects.filter(batch__in=counted).order_by().values_list("batch_id", "status")
    told_again = Count("pk", filter=~Q(duplicate=""))
    for batch_id, status, rows, duplicates in groups.annotate(rows=Count("pk"), told_again=told_again):
        counted[batch_id] += Counter({status: rows, "duplicates": duplicates})
    return {batch.pk: _counts(batch.total, counted[batch.pk]) for batch in batches}


def _counts(total: int, rows: Mapping[str, int]) -> dict[str, int]:
    passed = ("valid", "waiting", "done", "failed")
    shown = ("invalid", "waiting", "done", "failed", "duplicates")
    return {
        "total": total,
        "queued": rows["received"],
        "valid": sum(rows[status] for status in passed),
        **{name: rows[name] for name in shown},
    }


def progress_of(counts: dict[str, int]) -> float:
    """The share of rows that are at their end, 0 to 1."""
    open_rows = counts["queued"] + counts["waiting"]
    return round(1.0 - open_rows / max(1, counts["total"]), 4)


def results_of(batch: Batch, *, partial: bool) -> Iterator[BatchRow]:
    """Rows in their order, a part at a time, so that a long batch takes no more memory than a short one.

    May be read after the request that asked has lost its scope.

    Raises:
        NotFinished: the batch runs still, and what is there already was not asked for.
    """
    if not partial and state_of(batch) in {"queued", "running"}:
        raise NotFinished(_("The batch still runs. Ask again when it is completed, or with partial=true."))
    return _rows(batch)


def _rows(batch: Batch) -> Iterator[BatchRow]:
    last = 0
    while True:
        with scope.entered(scope.of(batch.institution_id)):
            rows = list(batch.rows.filter(number__gt=last).order_by("number").defer("content")[:ROWS_AT_ONCE])
        if not rows:
            return
        yield from rows
        last = rows[-1].number
