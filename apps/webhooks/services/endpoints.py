"""Endpoints: registered, changed, given new secrets, switched off."""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import Conflict, NotFound
from apps.tenants.models import Institution
from apps.webhooks.addresses import target_of
from apps.webhooks.models import EventType, WebhookEndpoint
from apps.webhooks.signing import SECRET_BYTES, secret_of

MOST_ENDPOINTS = 20
OVERLAP = timedelta(hours=24)  # both secrets sign for as long as receivers may need to take the new one


class TooManyEndpoints(Conflict):
    """The institution has as many endpoints as it may have."""

    code = "too_many_endpoints"


@transaction.atomic
def create_endpoint(
    *,
    institution: Institution,
    url: str,
    event_types: Sequence[EventType],
    description: str,
    actor: str,
    now: datetime,
) -> WebhookEndpoint:
    """Register an address. Its secret is new, and shown by whoever calls this and by nobody later.

    Raises:
        AddressRefused: webhooks are not sent there.
        TooManyEndpoints: the institution has 20.
    """
    target_of(url)
    if WebhookEndpoint.objects.filter(institution=institution).count() >= MOST_ENDPOINTS:
        raise TooManyEndpoints(_("An institution may have at most %(most)d endpoints.") % {"most": MOST_ENDPOINTS})
    endpoint = WebhookEndpoint.objects.create(
        institution=institution,
        url=url,
        description=description,
        event_types=_distinct(event_types),
        secret=_new_secret(),
        created_at=now,
    )
    _record("created", endpoint, actor, now)
    return endpoint


@transaction.atomic
def change_endpoint(
    *,
    endpoint: WebhookEndpoint,
    actor: str,
    now: datetime,
    url: str | None = None,
    event_types: Sequence[EventType] | None = None,
    description: str | None = None,
    enabled: bool | None = None,
) -> WebhookEndpoint:
    """Change what is named. An endpoint that is switched on again starts without a past.

    Raises:
        AddressRefused: webhooks are not sent there; nothing changed.
    """
    if url is not None:
        target_of(url)
        endpoint.url = url
    if event_types is not None:
        endpoint.event_types = _distinct(event_types)
    if description is not None:
        endpoint.description = description
    if enabled is not None and enabled != endpoint.enabled:
        endpoint.enabled = enabled
        endpoint.disabled_reason = "" if enabled else WebhookEndpoint.DisabledReason.BY_CLIENT
    if enabled or url is not None:
        endpoint.failures, endpoint.failing_since, endpoint.held_until = 0, None, None
        endpoint.save(update_fields=["failures", "failing_since", "held_until"])
    endpoint.save(update_fields=["url", "event_types", "description", "enabled", "disabled_reason"])
    _record("changed", endpoint, actor, now)
    return endpoint


@transaction.atomic
def rotate_secret(*, endpoint: WebhookEndpoint, actor: str, now: datetime) -> WebhookEndpoint:
    """Give an endpoint a new secret. The one before it signs as well for a day.

    Rotated again within that day, the oldest secret stays the second one: an answer that was lost on its
    way, and the repetition that follows, leave no receiver without a secret it knows.
    """
    if endpoint.previous_secret_until is None or endpoint.previous_secret_until <= now:
        endpoint.previous_secret = endpoint.secret
        endpoint.previous_secret_until = now + OVERLAP
    endpoint.secret = _new_secret()
    endpoint.save(update_fields=["secret", "previous_secret", "previous_secret_until"])
    _record("secret_rotated", endpoint, actor, now)
    return endpoint


@transaction.atomic
def delete_endpoint(*, endpoint: WebhookEndpoint, actor: str, now: datetime) -> None:
    """Remove an endpoint with its log; what is still to be sent to it is not sent."""
    _record("deleted", endpoint, actor, now)
    endpoint.delete()


@transaction.atomic
def disable_endpoint(*, endpoint: WebhookEndpoint, reason: WebhookEndpoint.DisabledReason, now: datetime) -> bool:
    """Switch an endpoint off because of how its receiver behaves. Returns whether this call did it."""
    enabled = WebhookEndpoint.objects.filter(pk=endpoint.pk, enabled=True)
    if not enabled.update(enabled=False, disabled_reason=reason):
        return False
    _record("disabled", endpoint, "system", now)
    return True


def access_endpoint(*, institution_id: UUID, endpoint_id: UUID) -> WebhookEndpoint:
    """An institution's own endpoint. Raises NotFound for a stranger's as for one that never was."""
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id, institution_id=institution_id).first()
    if endpoint is None:
        raise NotFound(_("There is no such webhook endpoint."))
    return endpoint


def secrets_of(endpoint: WebhookEndpoint, *, now: datetime) -> list[str]:
    """Every secret that signs now, the newest first."""
    valid = [str(endpoint.secret)]
    if endpoint.previous_secret_until is not None and endpoint.previous_secret_until > now:
        valid.append(str(endpoint.previous_secret))
    return valid


def _new_secret() -> str:
    return secret_of(secrets.token_bytes(SECRET_BYTES))


def _distinct(event_types: Sequence[EventType]) -> list[str]:
    return sorted({EventType(kind).value for kind in event_types})


def _record(verb: str, endpoint: WebhookEndpoint, actor: str, now: datetime) -> None:
    audit.record(
        actor=actor,
        action=f"webhook_endpoint.{verb}",
        institution=endpoint.institution,
        subject=endpoint,
        now=now,
    )
