"""Events as JSON: over REST, and line by line for an archive."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Q, QuerySet

from apps.audit.models import AuditEvent, AuditSeal

CHUNK = 2000


def event_document(event: AuditEvent) -> dict[str, Any]:
    """An event, with its seal where it has one already."""
    return {
        "id": str(event.pk),
        "institution": None if event.institution_id is None else str(event.institution_id),
        "at": moment(event.at),
        "actor": event.actor,
        "action": event.action,
        "outcome": event.outcome,
        "subject": {"type": event.subject_type, "id": event.subject_id},
        "details": event.details,
        "content_digest": bytes(event.content_sha256).hex() or None,
        "address": event.address or None,
        "request_id": event.request_id or None,
        "seal": _seal_document(event),
    }


def seal_of(event: AuditEvent) -> AuditSeal | None:
    """An event's seal, if a sealer has passed since it happened."""
    try:
        return event.seal
    except ObjectDoesNotExist:
        return None


def selected(
    *, institution_id: UUID | None = None, since: datetime | None = None, until: datetime | None = None
) -> Iterator[AuditEvent]:
    """Events of a time, oldest first, with their seals; a part at a time, however many they are.

    Args:
        institution_id: one institution's alone; None for everybody's, and the installation's.
        since: including this moment.
        until: excluding it.
    """
    wanted = Q()
    if institution_id is not None:
        wanted &= Q(institution_id=institution_id)
    if since is not None:
        wanted &= Q(at__gte=since)
    if until is not None:
        wanted &= Q(at__lt=until)
    events: QuerySet[AuditEvent] = AuditEvent.objects.filter(wanted).select_related("seal").order_by("at", "pk")
    return events.iterator(chunk_size=CHUNK)


def moment(at: datetime) -> str:
    """A moment to the microsecond, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _seal_document(event: AuditEvent) -> dict[str, Any] | None:
    seal = seal_of(event)
    if seal is None:
        return None
    return {
        "position": seal.position,
        "digest": bytes(seal.digest).hex(),
        "key_id": seal.key_id,
        "form": seal.form,
        "sealed_at": moment(seal.sealed_at),
    }
