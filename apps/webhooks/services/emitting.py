"""Messages: promised in the transaction of what happened, so that neither is there without the other."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import Conflict, NotFound
from apps.jobs import services as jobs
from apps.tenants.models import Institution
from apps.webhooks.models import EventType, WebhookDelivery, WebhookEndpoint

JOB_KIND = "webhook.delivery"
PRIORITY = -1  # after what somebody waits for
KEEP_TRYING = timedelta(hours=80)  # the schedule of ten attempts takes 75.6 h


class EndpointDisabled(Conflict):
    """The endpoint is switched off: nothing is sent to it."""

    code = "endpoint_disabled"


def emit(*, institution_id: UUID, event_type: EventType, data: Mapping[str, UUID], now: datetime) -> int:
    """Tell every endpoint that asked for it. Call it inside the transaction of what happened.

    Args:
        data: identifiers by name; contents have no place in a message.

    Returns:
        How many endpoints will be told; mostly none, which costs one look-up.
    """
    wanting = WebhookEndpoint.objects.filter(
        institution_id=institution_id, enabled=True, event_types__contains=[event_type.value]
    )
    endpoint_ids = list(wanting.order_by("pk").values_list("pk", flat=True))
    if not endpoint_ids:
        return 0
    message_id = uuid4()
    with transaction.atomic():
        for endpoint_id in endpoint_ids:
            _promise(endpoint_id, institution_id, message_id=message_id, event_type=event_type, data=data, now=now)
    return len(endpoint_ids)


@transaction.atomic
def ping(*, endpoint: WebhookEndpoint, now: datetime) -> WebhookDelivery:
    """Send a test message, whatever the endpoint asked for.

    Raises:
        EndpointDisabled: it is switched off.
    """
    _check_enabled(endpoint)
    data = {"endpoint_id": endpoint.pk}
    return _promise(
        endpoint.pk, endpoint.institution_id, message_id=uuid4(), event_type=EventType.PING, data=data, now=now
    )


@transaction.atomic
def replay(*, delivery: WebhookDelivery, actor: str, now: datetime) -> WebhookDelivery:
    """Send a message once more, under the same ``webhook-id`` and with the same body.

    Raises:
        EndpointDisabled: its endpoint is switched off.
    """
    _check_enabled(delivery.endpoint)
    again = _promise(
        delivery.endpoint_id,
        delivery.institution_id,
        message_id=delivery.message_id,
        event_type=EventType(delivery.event_type),
        data=delivery.data,
        now=now,
        replay_of=delivery,
    )
    audit.record(
        actor=actor, action="webhook_delivery.replayed", institution=delivery.institution, subject=delivery, now=now
    )
    return again


def access_delivery(*, institution_id: UUID, endpoint_id: UUID, delivery_id: UUID) -> WebhookDelivery:
    """A delivery to an institution's own endpoint. Raises NotFound for a stranger's as for none."""
    owned = WebhookDelivery.objects.filter(institution_id=institution_id, endpoint_id=endpoint_id)
    delivery = owned.select_related("endpoint", "institution").filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound(_("There is no such delivery."))
    return delivery


def _check_enabled(endpoint: WebhookEndpoint) -> None:
    if not endpoint.enabled:
        raise EndpointDisabled(_("The endpoint is switched off. Switch it on first."))


def _promise(
    endpoint_id: UUID,
    institution_id: UUID,
    *,
    message_id: UUID,
    event_type: EventType,
    data: Mapping[str, UUID | str],
    now: datetime,
    replay_of: WebhookDelivery | None = None,
) -> WebhookDelivery:
    delivery = WebhookDelivery.objects.create(
        institution_id=institution_id,
        endpoint_id=endpoint_id,
        message_id=message_id,
        event_type=event_type,
        data={name: str(identifier) for name, identifier in data.items()},
        occurred_at=now if replay_of is None else replay_of.occurred_at,
        replay_of=replay_of,
        created_at=now,
    )
    jobs.enqueue(
        institution=Institution(pk=institution_id),
        kind=JOB_KIND,
        subject_id=delivery.pk,
        deadline_at=now + KEEP_TRYING,
        now=now,
        priority=PRIORITY,
    )
    return delivery
