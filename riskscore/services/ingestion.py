"""History: events that are stored and remembered, but not scored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.audit.services import Subject
from apps.common.errors import Conflict
from riskscore.digests import content_digest, event_digest
from riskscore.events import Event
from riskscore.models import Event as StoredEvent
from riskscore.records import content_sha256
from riskscore.services.arrivals import append_events
from riskscore.services.requests import EventDiffers

PART = 2000  # events of one transaction: about two seconds; 2026-11-23


class ToldElsewhere(Conflict):
    """Another request told one of the same events at this moment; try again."""

    code = "told_elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingested:
    """What became of a batch of events.

    Attributes:
        duplicates: told before, with the same contents; nothing was stored for them.
        differing: by the caller's numbering, those whose id was told before with other contents.
    """

    accepted: int
    duplicates: int
    differing: tuple[int, ...]


def ingest_events(
    *, institution_id: UUID, events: Mapping[int, Event], now: datetime, actor: str = "system"
) -> Ingested:
    """Append events to their accounts' histories in the order given, each id once. Safe to repeat.

    Several transactions store a long batch, so that no account stays locked for long.

    Args:
        events: by the caller's numbering, such as line numbers.

    Raises:
        ToldElsewhere: another request told one of them just now; what came before it may be stored.
    """
    numbered = list(events.items())
    parts = [
        _ingest(institution_id, dict(numbered[start : start + PART]), now, actor)
        for start in range(0, len(numbered), PART)
    ]
    return Ingested(
        accepted=sum(part.accepted for part in parts),
        duplicates=sum(part.duplicates for part in parts),
        differing=tuple(number for part in parts for number in part.differing),
    )


def ingest_event(*, institution_id: UUID, event: Event, now: datetime, actor: str = "system") -> Ingested:
    """Append one event to its account's history. Safe to repeat.

    Raises:
        EventDiffers: the event's id was used before for something else; nothing changed.
        ToldElsewhere: see there; nothing changed.
    """
    done = _ingest(institution_id, {1: event}, now, actor)
    if done.differing:
        raise EventDiffers(_("An event with this id was told before, with other contents."), pointer="/id")
    return done


@transaction.atomic
def _ingest(institution_id: UUID, events: Mapping[int, Event], now: datetime, actor: str) -> Ingested:
    stored = _stored(institution_id, events)
    told = dict(stored)
    fresh: dict[str, Event] = {}
    duplicates, differing = 0, []
    for number, event in events.items():
        digest = content_digest(institution_id, content_sha256(event))
        if told.setdefault(event.id, digest) != digest:
            differing.append(number)
        elif event.id in fresh or event.id in stored:
            duplicates += 1
        else:
            fresh[event.id] = event
    try:
        accepted = append_events(institution_id=institution_id, events=list(fresh.values()), now=now)
    except IntegrityError as error:
        if "event_external_id_once" not in str(error):
            raise
        raise ToldElsewhere(_("Another request stored one of these events just now. Try again.")) from None
    audit.record(
        actor=actor,
        action="risk_events.ingested",
        institution=institution_id,
        subject=Subject.rows(StoredEvent),
        now=now,
        details={"accepted": accepted, "duplicates": duplicates, "differing": len(differing)},
        content_sha256=sha256(b"".join(told[event_id] for event_id in fresh)).digest() if fresh else b"",
    )
    return Ingested(accepted=accepted, duplicates=duplicates, differing=tuple(differing))


def _stored(institution_id: UUID, events: Mapping[int, Event]) -> dict[str, bytes]:
    ids = {event_digest(institution_id, event.id): event.id for event in events.values()}
    rows = StoredEvent.objects.filter(institution_id=institution_id, external_digest__in=list(ids))
    return {ids[bytes(found)]: bytes(digest) for found, digest in rows.values_list("external_digest", "content_digest")}
