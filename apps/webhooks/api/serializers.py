"""Endpoints and deliveries as the REST API takes and shows them."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from apps.api.serializers import StrictSerializer, StrictTextField
from apps.webhooks.addresses import MOST_CHARACTERS
from apps.webhooks.models import EventType, WebhookAttempt, WebhookDelivery, WebhookEndpoint
from apps.webhooks.signing import message_name


class NewEndpointSerializer(StrictSerializer):
    """An address that wants to be told."""

    url = StrictTextField(max_length=MOST_CHARACTERS, help_text=_("https, at a public address."))
    event_types = serializers.ListField(
        child=serializers.ChoiceField(EventType.choices), min_length=1, max_length=len(EventType)
    )
    description = StrictTextField(max_length=200, default="", allow_blank=True)


class EndpointChangeSerializer(StrictSerializer):
    """What of an endpoint is to be different."""

    url = StrictTextField(max_length=MOST_CHARACTERS, required=False)
    event_types = serializers.ListField(
        child=serializers.ChoiceField(EventType.choices), min_length=1, max_length=len(EventType), required=False
    )
    description = StrictTextField(max_length=200, allow_blank=True, required=False)
    enabled = serializers.BooleanField(required=False)


class WebhookEndpointSerializer(serializers.ModelSerializer[WebhookEndpoint]):
    """An endpoint; never its secret."""

    url = serializers.CharField(read_only=True)
    event_types = serializers.ListField(child=serializers.ChoiceField(EventType.choices), read_only=True)
    disabled_reason = serializers.SerializerMethodField(help_text="`by_client`, `gone` or `failing`; null if enabled.")

    class Meta:
        model = WebhookEndpoint
        fields = (
            "id",
            "url",
            "description",
            "event_types",
            "enabled",
            "disabled_reason",
            "failures",
            "failing_since",
            "held_until",
            "previous_secret_until",
            "created_at",
        )
        read_only_fields = fields

    def get_disabled_reason(self, endpoint: WebhookEndpoint) -> str | None:
        """Why it is switched off."""
        return endpoint.disabled_reason or None


class WebhookEndpointWithSecretSerializer(WebhookEndpointSerializer):
    """An endpoint and its secret, shown in the answer that made it and never again."""

    secret = serializers.CharField(read_only=True, help_text="Keep it: it is not shown again.")

    class Meta:
        model = WebhookEndpoint
        fields = (*WebhookEndpointSerializer.Meta.fields, "secret")
        read_only_fields = fields


class WebhookAttemptSerializer(serializers.ModelSerializer[WebhookAttempt]):
    """One POST."""

    class Meta:
        model = WebhookAttempt
        fields = ("number", "http_status", "error_code", "latency_ms", "started_at")
        read_only_fields = fields


class WebhookDeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """One message to one endpoint, with what was tried."""

    webhook_id = serializers.SerializerMethodField(help_text="As the receiver sees it; a replay has the same.")
    attempts = WebhookAttemptSerializer(many=True, read_only=True)
    data = serializers.DictField(child=serializers.CharField(), read_only=True)  # type: ignore[assignment]

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "webhook_id",
            "event_type",
            "data",
            "status",
            "error_code",
            "replay_of",
            "occurred_at",
            "created_at",
            "ended_at",
            "attempts",
        )
        read_only_fields = fields

    def get_webhook_id(self, delivery: WebhookDelivery) -> str:
        """The ``webhook-id``."""
        return message_name(delivery.message_id)


class _Page(serializers.Serializer[Any]):
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class WebhookEndpointPageSerializer(_Page):
    """A page of endpoints."""

    results = WebhookEndpointSerializer(many=True)


class WebhookDeliveryPageSerializer(_Page):
    """A page of deliveries."""

    results = WebhookDeliverySerializer(many=True)
