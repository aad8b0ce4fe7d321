"""The durable work item."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.models import UUIDModel
from apps.tenants.models import Institution

LEASE_EXPIRED = "lease_expired"  # the error of an attempt whose worker was lost


class Job(UUIDModel):
    """One piece of work an institution was promised. The row is the promise; a message only wakes a worker.

    Written by ``apps.jobs.services`` alone, always by compare-and-set on ``status`` and ``fence``.
    """

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")  # dead letter: out of attempts, or refused for good
        CANCELLED = "cancelled", _("Cancelled")
        EXPIRED = "expired", _("Expired")  # its deadline passed first

    TERMINAL: ClassVar[frozenset[str]] = frozenset({"succeeded", "failed", "cancelled", "expired"})

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=64)
    subject_id = models.UUIDField(help_text=_("The record the work is about."))
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    priority = models.SmallIntegerField(default=0, help_text=_("Higher runs first."))
    attempts = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    fence = models.PositiveIntegerField(default=0, help_text=_("Grows with every claim; a result must carry it."))
    lease_until = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField()
    published_at = models.DateTimeField(
        null=True, help_text=_("When a worker was last told of it; empty while none was.")
    )
    deadline_at = models.DateTimeField()
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=64, default="")
    request_id = models.CharField(
        max_length=128, default="", help_text=_("The request that asked for it, for the logs.")
    )

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        constraints = (
            models.UniqueConstraint(fields=["kind", "subject_id"], name="job_one_per_subject"),
            models.CheckConstraint(
                condition=models.Q(status="running", lease_until__isnull=False)
                | (~models.Q(status="running") & models.Q(lease_until__isnull=True)),
                name="job_leased_exactly_while_running",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["succeeded", "failed", "cancelled", "expired"], finished_at__isnull=False
                )
                | models.Q(status__in=["queued", "running"], finished_at__isnull=True),
                name="job_finished_exactly_when_terminal",
            ),
            models.CheckConstraint(
                condition=models.Q(attempts__lte=models.F("max_attempts")), name="job_attempts_bounded"
            ),
        )
        indexes = (
            models.Index(fields=["next_attempt_at"], condition=models.Q(status="queued"), name="job_queued"),
            models.Index(fields=["lease_until"], condition=models.Q(status="running"), name="job_leased"),
            models.Index(fields=["deadline_at"], condition=models.Q(status__in=["queued", "running"]), name="job_open"),
            models.Index(
                fields=["kind", "institution"],
                condition=models.Q(status__in=["queued", "running"]),
                name="job_open_by_institution",
            ),
            models.Index(fields=["kind", "finished_at"], condition=models.Q(status="succeeded"), name="job_done"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    @property
    def is_suspect(self) -> bool:
        """Whether it waits for its last attempt and was lost with its worker before: it may be what ended it."""
        lost = self.status == self.Status.QUEUED and self.error_code == LEASE_EXPIRED
        return lost and self.attempts + 1 >= self.max_attempts
