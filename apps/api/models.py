"""What was answered to whom, so that a repeated request gets the same answer."""

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import SealedBytesField, SealedJSONField
from apps.common.models import UUIDModel
from apps.tenants.models import ApiClient, Institution


class IdempotencyRecord(UUIDModel):
    """One use of an ``Idempotency-Key``: written before the first attempt, completed with its answer.

    Without an answer it says that an attempt began and did not end well enough to be kept;
    whether one runs at this moment is known by the advisory lock alone, which dies with its process.
    The answer is sealed; the key and the body are known by keyed digests alone.
    """

    institution = models.ForeignKey(Institution, on_delete=models.CASCADE, related_name="+")
    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="+")
    operation = models.CharField(max_length=300, help_text=_("Method and path."))
    key_digest = models.BinaryField(max_length=32)
    body_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    headers = SealedJSONField(null=True)
    body = SealedBytesField(null=True)
    location = models.CharField(max_length=300, default="", help_text=_("Path of what was made; ids only."))
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("idempotency record")
        verbose_name_plural = _("idempotency records")
        constraints = (
            models.UniqueConstraint(fields=["client", "operation", "key_digest"], name="idempotency_one_per_key"),
            models.CheckConstraint(condition=Exact(Length("key_digest"), 32), name="idempotency_has_key"),
        )
        indexes = (
            models.Index(fields=["created_at"], name="idempotency_by_age"),
            models.Index(
                fields=["institution", "location"], condition=~models.Q(location=""), name="idempotency_by_location"
            ),
        )

    def __str__(self) -> str:
        return f"{self.operation} {self.id}"
