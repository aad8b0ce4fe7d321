"""Endpoints an institution wants told, what they are told, and every attempt at telling."""

from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import SealedTextField
from apps.common.models import UUIDModel
from apps.tenants.models import Institution


class EventType(models.TextChoices):
    """What can be told of. A message names the thing; who wants its contents asks the API."""

    ASSESSMENT_COMPLETED = "risk.assessment.completed", _("A risk assessment has its answer")
    BATCH_COMPLETED = "batch.completed", _("A batch was worked through")
    OPERATION_FAILED = "operation.failed", _("An operation ended without a result")
    PING = "ping", _("A test that somebody asked for")


class WebhookEndpoint(UUIDModel):
    """An address of an institution that wants to be told of certain events. Written by `apps.webhooks.services`."""

    class DisabledReason(models.TextChoices):
        BY_CLIENT = "by_client", _("Switched off by the institution")
        GONE = "gone", _("The receiver answered 410")
        FAILING = "failing", _("The receiver failed for days")

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = SealedTextField(help_text=_("Sealed, because many receivers put a secret into their path."))
    description = models.CharField(max_length=200, default="", blank=True)
    event_types = ArrayField(models.CharField(max_length=64, choices=EventType))
    enabled = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=16, choices=DisabledReason, default="", blank=True)
    secret = SealedTextField()
    previous_secret = SealedTextField(null=True, help_text=_("Signs beside the new one until it expires."))
    previous_secret_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, help_text=_("Attempts that failed since the last success."))
    failing_since = models.DateTimeField(null=True)
    held_until = models.DateTimeField(null=True, help_text=_("Nothing is sent before: the receiver needs a pause."))
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("webhook endpoint")
        verbose_name_plural = _("webhook endpoints")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(enabled=True, disabled_reason="")
                | (models.Q(enabled=False) & ~models.Q(disabled_reason="")),
                name="endpoint_disabled_for_a_reason",
            ),
            models.CheckConstraint(condition=models.Q(event_types__len__gte=1), name="endpoint_wants_something"),
            models.CheckConstraint(
                condition=models.Q(previous_secret__isnull=True, previous_secret_until__isnull=True)
                | models.Q(previous_secret__isnull=False, previous_secret_until__isnull=False),
                name="endpoint_previous_secret_ends",
            ),
        )

    def __str__(self) -> str:
        return f"webhook endpoint {self.id}"


class WebhookDelivery(UUIDModel):
    """One message to one endpoint: promised in the transaction of what happened, beside its job."""

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        DELIVERED = "delivered", _("Delivered")
        FAILED = "failed", _("Failed")  # out of attempts or time, or the endpoint was switched off

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="deliveries")
    message_id = models.UUIDField(help_text=_("The webhook-id: the same for every attempt and for a replay."))
    event_type = models.CharField(max_length=64, choices=EventType)
    data: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(help_text=_("Identifiers alone."))
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    error_code = models.CharField(max_length=64, default="")
    replay_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, related_name="+")
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("webhook delivery")
        verbose_name_plural = _("webhook deliveries")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(status="pending", ended_at__isnull=True)
                | models.Q(status__in=["delivered", "failed"], ended_at__isnull=False),
                name="delivery_ended_exactly_when_not_pending",
            ),
        )
        indexes = (
            models.Index(fields=["endpoint", "-created_at", "-id"], name="delivery_log"),
            models.Index(fields=["created_at"], name="delivery_by_age"),
        )

    def __str__(self) -> str:
        return f"{self.event_type} {self.id}"


class WebhookAttempt(UUIDModel):
    """One POST that was made. What the receiver answered beyond its status is never read."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    delivery = models.ForeignKey(WebhookDelivery, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveSmallIntegerField(help_text=_("From 1; a number is missing where a worker was killed."))
    http_status = models.PositiveSmallIntegerField(null=True)
    error_code = models.CharField(max_length=64, default="")
    latency_ms = models.FloatField()
    started_at = models.DateTimeField()

    class Meta:
        verbose_name = _("webhook attempt")
        verbose_name_plural = _("webhook attempts")
        indexes = (models.Index(fields=["delivery", "started_at"], name="attempt_log"),)

    def __str__(self) -> str:
        return f"attempt {self.number} at {self.delivery_id}"
