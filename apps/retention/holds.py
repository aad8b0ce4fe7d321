"""Legal holds: placed, released, and heeded."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.encryption import keyed_digest
from apps.common.errors import Conflict, InvalidInput, NotFound
from apps.retention.classes import registered
from apps.retention.models import LegalHold
from apps.tenants.models import Institution


class UnderLegalHold(Conflict):
    """The records are to stay until the hold is released."""

    code = "under_legal_hold"


class UnknownRecordClass(InvalidInput):
    """No room registered a class of this name."""

    code = "unknown_record_class"


@dataclass(frozen=True, slots=True)
class Held:
    """What of one class of record stays.

    Attributes:
        everything: a hold covers the whole class.
        subjects: keyed digests of the subjects that a hold covers.
    """

    everything: bool
    subjects: frozenset[bytes]


def subject_digest(institution_id: UUID, kind: str, reference: str) -> bytes:
    """What stands for a subject in holds and in the trail; the same as in the room that stores it."""
    return keyed_digest(institution_id, kind, reference)


@transaction.atomic
def place_hold(
    *,
    institution: Institution,
    reason: str,
    actor: str,
    now: datetime,
    record_class: str = "",
    subject: tuple[str, str] | None = None,
) -> LegalHold:
    """Order that records stay. Waits for a purge or an erasure under way, and counts from then on.

    Args:
        subject: kind and reference, such as ``("account", "ACC-1")``; None for all.

    Raises:
        InvalidInput: there is no reason.
        UnknownRecordClass: see there.
    """
    if not reason.strip():
        raise InvalidInput(_("A legal hold needs a reason."), pointer="/reason")
    if record_class:
        known_class(record_class)
    lock(institution.pk)
    digest = None if subject is None else subject_digest(institution.pk, *subject)
    hold = LegalHold.objects.create(
        institution=institution,
        record_class=record_class,
        subject_digest=digest,
        reason=reason.strip(),
        placed_by=actor,
        placed_at=now,
    )
    details = {"class": record_class, "subject": digest.hex() if digest else ""}
    audit.record(
        actor=actor, action="legal_hold.placed", institution=institution, subject=hold, now=now, details=details
    )
    return hold


@transaction.atomic
def release_hold(*, institution: Institution, hold_id: UUID, actor: str, now: datetime) -> LegalHold:
    """Let records go their way again.

    Raises:
        NotFound: there is no such hold in force, or it is another institution's.
    """
    in_force = LegalHold.objects.filter(institution=institution, pk=hold_id, released_at__isnull=True)
    if not in_force.update(released_at=now, released_by=actor):
        raise NotFound(_("There is no such legal hold in force."))
    hold = LegalHold.objects.get(pk=hold_id)
    audit.record(actor=actor, action="legal_hold.released", institution=institution, subject=hold, now=now)
    return hold


def held(institution_id: UUID, record_class: str) -> Held:
    """What of a class is held now. Exact for as long as the transaction holds `lock`."""
    holds = LegalHold.objects.filter(
        institution_id=institution_id, record_class__in=["", record_class], released_at__isnull=True
    )
    digests = list(holds.values_list("subject_digest", flat=True))
    return Held(None in digests, frozenset(bytes(digest) for digest in digests if digest is not None))


def lock(institution_id: UUID) -> None:
    """Let one transaction at a time purge, erase or hold an institution's records."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"retention {institution_id}"])


def known_class(name: str) -> None:
    """Raises UnknownRecordClass if no room registered it."""
    if name not in registered():
        known = ", ".join(registered())
        raise UnknownRecordClass(
            _("There is no such record class. There are: %(classes)s.") % {"classes": known}, pointer="/record_class"
        )
