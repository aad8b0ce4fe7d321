"""How long uploads and their results are kept. What became of their rows has rules of its own."""

from apps.batches.models import Batch, BatchRow
from apps.retention.classes import Purge, RecordClass


def purge(due: Purge) -> int:
    """Delete rows of batches that ended and are due, and batches that have no more rows.

    A batch is a copy of what was told, so that a legal hold on an account keeps the account's events and
    assessments and not the upload they came in.
    """
    owned = Batch.objects.filter(institution_id=due.institution_id, finished_at__lt=due.before)
    rows = BatchRow.objects.filter(institution_id=due.institution_id, batch__in=owned)
    ids = list(rows.order_by("batch_id", "number").values_list("pk", flat=True)[: due.limit])
    if ids:
        return rows.filter(pk__in=ids).delete()[0]
    return owned.filter(rows=None).delete()[0]


UPLOADS = RecordClass(name="batches.uploads", default_days=7, purge=purge)
