"""Batches as the REST API shows them."""

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from apps.batches import selectors
from apps.batches.models import Batch, BatchRow


class BatchCountsSerializer(serializers.Serializer[Any]):
    """Rows by what became of them."""

    total = serializers.IntegerField()
    queued = serializers.IntegerField(help_text="Not looked at yet.")
    invalid = serializers.IntegerField()
    valid = serializers.IntegerField(help_text="Passed their check, whatever came after.")
    waiting = serializers.IntegerField(help_text="Begun; their answer is to come.")
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text="Told before, in this batch or ever.")


class BatchLinksSerializer(serializers.Serializer[Any]):
    """Where to go from a batch."""

    self = serializers.CharField()
    rows = serializers.CharField()
    results = serializers.CharField()
    operation = serializers.CharField()


class BatchSerializer(serializers.Serializer[Any]):
    """An upload and how far it is."""

    id = serializers.UUIDField()
    type = serializers.CharField()
    dry_run = serializers.BooleanField()
    status = serializers.ChoiceField(["queued", "running", "completed", "failed", "cancelled"])
    error_code = serializers.CharField(allow_null=True)
    counts = BatchCountsSerializer()
    progress = serializers.FloatField(help_text="Share of rows at their end, 0 to 1.")
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    links = BatchLinksSerializer()


class BatchRowErrorSerializer(serializers.Serializer[Any]):
    """What is wrong with a row."""

    pointer = serializers.CharField(help_text="JSON pointer into the row, empty for the row as a whole.")
    code = serializers.CharField()
    detail = serializers.CharField()


class BatchRowSerializer(serializers.Serializer[Any]):
    """One row and what became of it."""

    row = serializers.IntegerField(help_text="The line it begins at, from 1.")
    status = serializers.ChoiceField(["queued", "invalid", "valid", "waiting", "done", "failed"])
    duplicate = serializers.ChoiceField(BatchRow.Duplicate.values, allow_null=True)
    duplicate_of = serializers.IntegerField(allow_null=True)
    errors = BatchRowErrorSerializer(many=True)  # type: ignore[assignment]  # the base class has a property of that name


class _Page(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class BatchPageSerializer(_Page):
    """A page of batches."""

    results = BatchSerializer(many=True)


class BatchRowPageSerializer(_Page):
    """A page of rows."""

    results = BatchRowSerializer(many=True)


def batch_documents(batches: Sequence[Batch]) -> list[dict[str, Any]]:
    """Batches with their counts: one query, however many."""
    counts = selectors.counts_of(batches)
    return [_document(batch, counts[batch.pk]) for batch in batches]


def batch_document(batch: Batch) -> dict[str, Any]:
    """A batch with its counts."""
    return batch_documents([batch])[0]


def _document(batch: Batch, counts: dict[str, int]) -> dict[str, Any]:
    here = f"/api/v1/batches/{batch.pk}"
    return {
        "id": str(batch.pk),
        "type": batch.kind,
        "dry_run": batch.dry_run,
        "status": selectors.state_of(batch),
        "error_code": batch.error_code or None,
        "counts": counts,
        "progress": selectors.progress_of(counts),
        "created_at": batch.created_at,
        "finished_at": batch.finished_at,
        "links": {
            "self": here,
            "rows": f"{here}/rows",
            "results": f"{here}/results",
            "operation": f"/api/v1/operations/{batch.job_id}",
        },
    }
