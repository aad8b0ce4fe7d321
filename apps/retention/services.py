"""Keeping records as long as they are to be kept, and not longer."""

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.audit.services import Subject
from apps.common import scope
from apps.common.errors import InvalidInput
from apps.retention.classes import Erasure, Purge, RecordClass, registered
from apps.retention.holds import UnderLegalHold, held, known_class, lock, place_hold, release_hold, subject_digest
from apps.retention.models import RetentionRule
from apps.tenants.models import Institution

__all__ = ["erase_subject", "place_hold", "purge_all", "purge_institution", "release_hold", "set_retention"]

PART = 500  # records of one transaction
MOST_DAYS = 36_500
MOST_PARTS = 200  # of one class in one round: a night's backlog does not hold up the other institutions

log = structlog.get_logger(__name__)


class TooShort(InvalidInput):
    """The class is to be kept longer than that."""

    code = "kept_too_short"


@transaction.atomic
def set_retention(
    *, institution: Institution, record_class: str, days: int, actor: str, now: datetime
) -> RetentionRule:
    """Keep a class of record for so many days from now on.

    Raises:
        UnknownRecordClass: no room registered it.
        TooShort: less than the class's least.
        InvalidInput: more than a hundred years.
    """
    known_class(record_class)
    least = registered()[record_class].least_days
    if days < least:
        raise TooShort(_("This class is kept at least %(days)d days.") % {"days": least}, pointer="/days")
    if days > MOST_DAYS:
        raise InvalidInput(_("Nothing is kept longer than a hundred years."), pointer="/days")
    rule, _made = RetentionRule.objects.update_or_create(
        institution=institution, record_class=record_class, defaults={"days": days, "set_at": now}
    )
    audit.record(
        actor=actor,
        action="retention_rule.set",
        institution=institution,
        subject=rule,
        now=now,
        details={"class": record_class, "days": days},
    )
    return rule


def erase_subject(*, institution: Institution, kind: str, reference: str, actor: str, now: datetime) -> dict[str, int]:
    """Delete everything about one subject, such as an account, in every room. Safe to repeat.

    The trail keeps a keyed digest of the reference, and how many records of what went.

    Raises:
        UnderLegalHold: a hold covers some of it; nothing was deleted.
    """
    digest = subject_digest(institution.pk, kind, reference)
    erasure = Erasure(institution_id=institution.pk, kind=kind, reference=reference, digest=digest)
    with scope.entered(scope.of(institution.pk)), transaction.atomic():
        lock(institution.pk)
        erased: dict[str, int] = {}
        for record_class in registered().values():
            _refuse_if_held(erasure, record_class)
        for record_class in registered().values():
            if record_class.erase is not None:
                erased |= record_class.erase(erasure)
        audit.record(
            actor=actor,
            action="subject.erased",
            institution=institution,
            subject=Subject(label=f"subject.{kind}", id=digest.hex()),
            now=now,
            details=erased,
        )
    return erased


def _refuse_if_held(erasure: Erasure, record_class: RecordClass) -> None:
    if record_class.erase is None:
        return
    found = held(erasure.institution_id, record_class.name)
    if found.everything or erasure.digest in found.subjects:
        raise UnderLegalHold(
            _("A legal hold covers records of class %(name)s. Release it first, or wait until it is.")
            % {"name": record_class.name}
        )


def purge_all(now: datetime) -> None:
    """Delete what is due in every institution, each in its own scope. The chore."""
    with scope.entered(scope.NOBODY):  # in which a worker may list institutions
        institution_ids = list(Institution.objects.order_by("pk").values_list("pk", flat=True))
    for institution_id in institution_ids:
        purge_institution(institution_id=institution_id, now=now)


def purge_institution(*, institution_id: UUID, now: datetime) -> dict[str, int]:
    """Delete what of an institution's records is due and not held; returns how many went, by class."""
    with scope.entered(scope.of(institution_id)):
        purged = {name: _purge_class(institution_id, record_class, now) for name, record_class in registered().items()}
    return {name: count for name, count in purged.items() if count}


def _purge_class(institution_id: UUID, record_class: RecordClass, now: datetime) -> int:
    total = 0
    for _part in range(MOST_PARTS):
        count = _purge_part(institution_id, record_class, now)
        total += count
        if not count:
            break
    if total:
        log.info("retention.purged", institution_id=str(institution_id), record_class=record_class.name, count=total)
    return total


@transaction.atomic
def _purge_part(institution_id: UUID, record_class: RecordClass, now: datetime) -> int:
    lock(institution_id)
    found = held(institution_id, record_class.name)
    if found.everything:
        return 0
    rules = RetentionRule.objects.filter(institution_id=institution_id, record_class=record_class.name)
    days = rules.values_list("days", flat=True).first() or record_class.default_days
    before = now - timedelta(days=days)
    purge = Purge(institution_id=institution_id, before=before, held=found.subjects, limit=PART)
    count = record_class.purge(purge)
    if count:
        audit.record(
            actor="system",
            action="records.purged",
            institution=institution_id,
            subject=Subject(label=f"records.{record_class.name}"),
            now=now,
            details={"count": count, "before": before.isoformat()},
        )
    return count
