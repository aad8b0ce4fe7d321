"""What was answered to whom, so that a repeated request gets the same answer."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.models import UUIDModel
from apps.tenants.models import ApiClient


class IdempotencyRecord(UUIDModel):
    """One use of an ``Idempotency-Key``: written before the first attempt, completed with its answer.

    Without an answer it says that an attempt began and did not end well enough to be kept;
    whether one runs at this moment is known by the advisory lock alone, which dies with its process.
    """

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="+")
    operation = models.CharField(max_length=300, help_text=_("Method and path."))
    key = models.CharField(max_length=255)
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("idempotency record")
        verbose_name_plural = _("idempotency records")
        constraints = (
            models.UniqueConstraint(fields=["client", "operation", "key"], name="idempotency_one_per_key"),
            models.CheckConstraint(condition=~models.Q(key=""), name="idempotency_has_key"),
        )
        indexes = (models.Index(fields=["created_at"], name="idempotency_by_age"),)

    def __str__(self) -> str:
        return f"{self.operation} {self.id}"
