"""What an institution decides in advance: its rules and its thresholds, version after version."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import InvalidInput
from apps.tenants.models import Institution
from riskscore.models import RulesetVersion, ThresholdsVersion
from riskscore.policy import Thresholds
from riskscore.rules import RulesetError, parse_ruleset


class RulesetRefused(InvalidInput):
    """The document is no rule set; the pointer says where."""

    code = "ruleset_refused"


@transaction.atomic
def set_ruleset(*, institution: Institution, document: object, actor: str, now: datetime) -> RulesetVersion:
    """Put a rule set in force from the next assessment on.

    Raises:
        RulesetRefused: pointing at what is wrong; nothing changed.
    """
    try:
        parse_ruleset(document, version="")
    except RulesetError as refused:
        raise RulesetRefused(_(refused.detail), pointer=refused.pointer) from None
    _lock(institution)
    earlier = RulesetVersion.objects.filter(institution=institution)
    version = (earlier.aggregate(latest=Max("version"))["latest"] or 0) + 1
    earlier.filter(active=True).update(active=False)
    row = RulesetVersion.objects.create(
        institution=institution, version=version, document=document, active=True, created_at=now
    )
    audit.record(
        actor=actor,
        action="risk.ruleset.set",
        institution=institution,
        subject=row,
        now=now,
        details={"version": version},
        content_sha256=audit.content_digest(institution.pk, document),
    )
    return row


@transaction.atomic
def set_thresholds(*, institution: Institution, thresholds: Thresholds, actor: str, now: datetime) -> ThresholdsVersion:
    """Put thresholds in force from the next assessment on. Their version is numbered here."""
    _lock(institution)
    earlier = ThresholdsVersion.objects.filter(institution=institution)
    version = (earlier.aggregate(latest=Max("version"))["latest"] or 0) + 1
    earlier.filter(active=True).update(active=False)
    row = ThresholdsVersion.objects.create(
        institution=institution,
        version=version,
        review=thresholds.review,
        block_and_review=thresholds.block_and_review,
        decline=thresholds.decline,
        active=True,
        created_at=now,
    )
    values = [thresholds.review, thresholds.block_and_review, thresholds.decline]
    audit.record(
        actor=actor,
        action="risk.thresholds.set",
        institution=institution,
        subject=row,
        now=now,
        details={"version": version},
        content_sha256=audit.content_digest(institution.pk, values),
    )
    return row


def _lock(institution: Institution) -> None:
    """One change of policy at a time."""
    Institution.objects.select_for_update().order_by("pk").get(pk=institution.pk)
