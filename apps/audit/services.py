"""Writing the audit trail."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db import models

from apps.audit.models import AuditEvent
from apps.common import context
from apps.common.encryption import keyed_digest

MAX_ADDRESS_CHARACTERS = 45  # of an IPv6 address that carries an IPv4 one


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What an act was about where no single row is at hand: a list, an endpoint, a row that is gone."""

    label: str
    id: str = ""

    @classmethod
    def of(cls, row: models.Model) -> "Subject":
        """The subject that a row is."""
        return cls(label=row._meta.label_lower, id=str(row.pk))  # noqa: SLF001 - public but for its name

    @classmethod
    def row(cls, model: type[models.Model], pk: object) -> "Subject":
        """A row that was not loaded."""
        return cls(label=model._meta.label_lower, id=str(pk)[:64])  # noqa: SLF001 - see above

    @classmethod
    def rows(cls, model: type[models.Model]) -> "Subject":
        """Several rows of a kind."""
        return cls(label=model._meta.label_lower)  # noqa: SLF001 - see above


def record(
    *,
    actor: str,
    action: str,
    institution: models.Model | UUID | None,
    subject: models.Model | Subject,
    now: datetime,
    outcome: str = AuditEvent.Outcome.SUCCESS,
    details: Mapping[str, Any] | None = None,
    content_sha256: bytes = b"",
) -> AuditEvent:
    """Note an act, inside the caller's transaction: no act without its event, no event without its act.

    Args:
        actor: ``client:<id>``, ``user:<id>``, ``command:<name>``, ``system``, or ``unknown``: who proved to be nobody.
        action: ``subject.verb``, e.g. ``api_client.revoked``.
        institution: whose record it is; None for the installation itself.
        outcome: ``success`` or ``refused``.
        details: counts, digests and codes; never contents.
        content_sha256: digest of what was read or written; see `content_digest`.
    """
    about = subject if isinstance(subject, Subject) else Subject.of(subject)
    return AuditEvent.objects.create(
        institution_id=institution.pk if isinstance(institution, models.Model) else institution,
        actor=actor,
        action=action,
        outcome=outcome,
        subject_type=about.label,
        subject_id=about.id,
        details=dict(details or {}),
        content_sha256=content_sha256,
        address=context.address()[:MAX_ADDRESS_CHARACTERS],
        request_id=context.request_id(),
        at=now,
    )


def content_digest(institution_id: UUID, document: Any) -> bytes:
    """32 bytes that stand for an institution's document, and tell nothing of it to who lacks the key.

    Keyed, because a plain digest of a score or a name is found again by trying them all.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), default=str)
    return keyed_digest(institution_id, "audit.content", text)


def ids_digest(ids: Iterable[object]) -> str:
    """Digest over a list's identifiers in their order, for ``details``."""
    return sha256("\n".join(str(each) for each in ids).encode()).hexdigest()
