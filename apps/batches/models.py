"""Many rows in one upload, and what becomes of each."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import SealedBytesField, SealedJSONField
from apps.common.models import UUIDModel
from apps.jobs.models import Job
from apps.tenants.models import ApiClient, Institution


class Batch(UUIDModel):
    """One upload. Written by `apps.batches.services`; its job works on it part by part."""

    class Status(models.TextChoices):
        RECEIVING = "receiving", _("Receiving")  # rows arrive; nobody was promised anything yet
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        COMPLETED = "completed", _("Completed")  # every row was worked on, whatever came of it
        FAILED = "failed", _("Failed")  # its job ended first

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="batches")
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=64)
    dry_run = models.BooleanField(default=False)
    columns: "models.JSONField[list[str] | None, list[str] | None]" = models.JSONField(
        null=True, help_text=_("Names in the header of a CSV file; null for NDJSON.")
    )
    status = models.CharField(max_length=16, choices=Status, default=Status.RECEIVING)
    total = models.PositiveIntegerField(default=0, help_text=_("Rows in the upload."))
    request_key = models.UUIDField(null=True, unique=True, help_text=_("Stands for the request's Idempotency-Key."))
    job = models.OneToOneField(Job, on_delete=models.PROTECT, null=True, related_name="+")
    error_code = models.CharField(max_length=64, default="")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(status="receiving", job__isnull=True)
                | (~models.Q(status="receiving") & models.Q(job__isnull=False, request_key__isnull=False)),
                name="batch_promised_with_its_job",
            ),
        )
        indexes = (models.Index(fields=["institution", "-created_at", "-id"], name="batch_list"),)

    def __str__(self) -> str:
        return f"batch {self.id}"


class BatchRow(UUIDModel):
    """One row of a batch: what was sent, sealed, and what became of it."""

    class Status(models.TextChoices):
        RECEIVED = "received", _("Received")
        INVALID = "invalid", _("Invalid")
        VALID = "valid", _("Valid")  # where a dry run ends
        WAITING = "waiting", _("Waiting")  # its work began, its answer is to come
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    class Duplicate(models.TextChoices):
        IN_BATCH = "in_batch", _("Told earlier in this batch")
        KNOWN = "known", _("Told before this batch")

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="rows")
    number = models.PositiveIntegerField(help_text=_("The line it begins at, from 1."))
    status = models.CharField(max_length=16, choices=Status, default=Status.RECEIVED)
    content = SealedBytesField()
    errors = SealedJSONField(null=True)
    result = SealedJSONField(null=True)
    key_digest = models.BinaryField(max_length=32, null=True, help_text=_("Of the caller's identifier, keyed."))
    duplicate = models.CharField(max_length=16, choices=Duplicate, default="", blank=True)
    duplicate_of = models.PositiveIntegerField(null=True, help_text=_("The number of the row that told it first."))
    subject_id = models.UUIDField(null=True)

    class Meta:
        verbose_name = _("batch row")
        verbose_name_plural = _("batch rows")
        constraints = (
            models.UniqueConstraint(fields=["batch", "number"], name="batch_row_once"),
            models.CheckConstraint(
                condition=~models.Q(status="waiting") | models.Q(subject_id__isnull=False),
                name="batch_row_waits_for_something",
            ),
        )
        indexes = (
            models.Index(fields=["batch", "status", "number"], name="batch_row_next"),
            models.Index(fields=["batch", "key_digest", "number"], name="batch_row_same"),
        )

    def __str__(self) -> str:
        return f"row {self.number} of {self.batch_id}"

    @property
    def told_errors(self) -> list[dict[str, Any]]:
        """Errors as they are shown: pointer, code and detail each."""
        return list(self.errors or [])
