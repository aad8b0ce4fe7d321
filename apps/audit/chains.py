"""How an event becomes bytes, and how a seal holds it to all before it.

A chain belongs to an institution, or to the installation. Its first seal follows `GENESIS`; every other
follows the digest before it, so that nothing can be changed, put in or taken out without every later digest
being made again, and those take the key.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db.models import Q

from apps.audit.keys import AuditKey
from apps.audit.models import AuditEvent, AuditSeal
from apps.common import scope

GENESIS = bytes(32)
FORM = 1  # grows when the columns below do; older seals keep the form they were made with
INSTALLATION = "installation"
COLUMNS = (
    *("id", "institution_id", "actor", "action", "outcome", "subject_type", "subject_id"),
    *("details", "content_sha256", "address", "request_id", "at"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The latest seal of a chain; position 0 where nothing is sealed yet."""

    chain: str
    position: int
    digest: bytes


def link_bytes(event: AuditEvent, seal: AuditSeal, previous: bytes) -> bytes:
    """What a seal's digest is over: the event's every column, the seal's own, and the digest before it.

    JSON with sorted keys tells two different events apart whatever they hold.
    """
    document = {
        "previous": previous.hex(),
        "event": {name: _plain(getattr(event, name)) for name in COLUMNS},
        "seal": {
            "chain": chain_name(seal.institution_id),
            "position": seal.position,
            "key_id": seal.key_id,
            "form": seal.form,
            "sealed_at": _plain(seal.sealed_at),
        },
    }
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def sealed(event: AuditEvent, *, after: Head, key: AuditKey, now: datetime) -> AuditSeal:
    """An event's seal, not saved yet, one position after another."""
    seal = AuditSeal(
        event_id=event.pk,
        institution_id=event.institution_id,
        position=after.position + 1,
        key_id=key.id,
        form=FORM,
        sealed_at=now,
    )
    seal.digest = key.derived("seal").digest_of(link_bytes(event, seal, after.digest))
    return seal


def of_chain(institution_id: UUID | None) -> Q:
    """Rows of one chain, events or seals."""
    return Q(institution_id=institution_id) if institution_id else Q(institution_id__isnull=True)


def head_of(institution_id: UUID | None) -> Head:
    """Where a chain ends now."""
    last = AuditSeal.objects.filter(of_chain(institution_id)).order_by("-position").first()
    if last is None:
        return Head(chain=chain_name(institution_id), position=0, digest=GENESIS)
    return Head(chain=chain_name(institution_id), position=last.position, digest=bytes(last.digest))


def chain_name(institution_id: UUID | None) -> str:
    """What a chain is called outside of the database."""
    return INSTALLATION if institution_id is None else str(institution_id)


def chain_ids() -> Iterator[UUID | None]:
    """The owners of all chains: the installation, then every institution."""
    yield None
    institutions = apps.get_model("tenants", "Institution")  # which lies above this app
    with scope.entered(scope.NOBODY):  # in which a worker may list institutions
        ids = list(institutions._default_manager.order_by("pk").values_list("pk", flat=True))  # noqa: SLF001
    yield from ids


def scope_of(institution_id: UUID | None) -> scope.Scope:
    """The scope that a chain is read and written in."""
    return scope.NOBODY if institution_id is None else scope.of(institution_id)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, (bytes, memoryview)):
        return bytes(value).hex()
    return str(value) if isinstance(value, UUID) else value
