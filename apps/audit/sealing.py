"""Seals events behind their transactions, so that no request waits for another's place in a chain.

An event is sealed when it is found without a seal, not when a number passes it: one whose transaction
commits late is found a little later.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from apps.audit.chains import chain_ids, chain_name, head_of, of_chain, scope_of, sealed
from apps.audit.keys import AuditKey, current_key
from apps.audit.models import AuditEvent, AuditSeal
from apps.common import scope

logger = structlog.get_logger(__name__)

BATCH = 1000  # events of one transaction: 0.17 s of one core; 2026-11-24
RECENT = timedelta(minutes=10)  # what the frequent pass looks at; the thorough one looks at everything
THOROUGH_EVERY = timedelta(hours=1)


class Sealer:
    """Seals all chains again and again: what is recent each time, and every hour whatever was left."""

    def __init__(self) -> None:
        self._thorough_at: datetime | None = None

    def run(self, now: datetime) -> None:
        """One pass. The first of a process is thorough."""
        thorough = self._thorough_at is None or now - self._thorough_at >= THOROUGH_EVERY
        count = seal_all(now=now, since=None if thorough else now - RECENT)
        if thorough:
            self._thorough_at = now
        if count:
            logger.info("audit.sealed", events=count)


SEALER = Sealer()


def seal_all(*, now: datetime, since: datetime | None = None, key: AuditKey | None = None) -> int:
    """Seal the unsealed events of every chain. Safe to repeat, to break off, and to run twice at once.

    Args:
        since: look no further back than this; None looks at every event.

    Returns:
        How many events were sealed.
    """
    return sum(seal_chain(institution_id, now=now, since=since, key=key) for institution_id in chain_ids())


def seal_chain(
    institution_id: UUID | None, *, now: datetime, since: datetime | None = None, key: AuditKey | None = None
) -> int:
    """Seal one chain's unsealed events, oldest first. Returns how many there were."""
    count, part = 0, BATCH
    with scope.entered(scope_of(institution_id)):
        while part == BATCH:
            part = _seal_batch(institution_id, now=now, since=since, key=key or current_key())
            count += part
    return count


def unsealed(institution_id: UUID | None) -> QuerySet[AuditEvent]:
    """A chain's events that have no seal."""
    seals = AuditSeal.objects.filter(event_id=OuterRef("pk"))
    return AuditEvent.objects.filter(~Exists(seals), of_chain(institution_id))


@transaction.atomic
def _seal_batch(institution_id: UUID | None, *, now: datetime, since: datetime | None, key: AuditKey) -> int:
    waiting = unsealed(institution_id).order_by("at", "pk")
    if since is not None:
        waiting = waiting.filter(at__gte=since)
    if not waiting.exists():  # most chains, most of the time: without taking the lock
        return 0
    _lock(institution_id)
    head = head_of(institution_id)
    seals = []
    for event in waiting[:BATCH]:
        seal = sealed(event, after=head, key=key, now=now)
        head = replace(head, position=seal.position, digest=bytes(seal.digest))
        seals.append(seal)
    AuditSeal.objects.bulk_create(seals)
    return len(seals)


def _lock(institution_id: UUID | None) -> None:
    """One sealer a chain, until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"audit:{chain_name(institution_id)}"])
