"""Reading what an institution stored and decided."""

from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.common.errors import NotFound
from riskscore.digests import listed_digest
from riskscore.events import Event
from riskscore.features import AccountWindow
from riskscore.features.entries import Names
from riskscore.lists import ListAction, ListHit, ListKind, keys
from riskscore.models import RiskAssessment, RulesetVersion, ThresholdsVersion
from riskscore.policy import DEFAULT_THRESHOLDS, Thresholds
from riskscore.querysets import account_windows, active_policy, listed
from riskscore.rules import DEFAULT_DOCUMENT, DEFAULT_RULESET, Ruleset, parse_ruleset


def access_assessment(*, institution_id: UUID, assessment_id: UUID) -> RiskAssessment:
    """One assessment of the institution, with what a page about it shows.

    Raises:
        NotFound: there is none, or it is another institution's.
    """
    found = assessments_of(institution_id).filter(pk=assessment_id).first()
    if found is None:
        raise NotFound(_("There is no such assessment."))
    return found


def answer_of(assessment: RiskAssessment) -> RiskAssessment:
    """An assessment as it stands now, with the event it was asked with: what was told does not change."""
    found = RiskAssessment.objects.filter(pk=assessment.pk, institution_id=assessment.institution_id)
    answered = found.select_related("job").defer("profile_packed", "current_packed", "evidence").get()
    answered.event = assessment.event
    return answered


def assessments_of(institution_id: UUID) -> QuerySet[RiskAssessment]:
    """Everything the institution asked, with what a page about each shows."""
    owned = RiskAssessment.objects.filter(institution_id=institution_id)
    heavy = ("profile_packed", "current_packed", "evidence", "event__packed", "event__features")
    return owned.select_related("event__account", "job").defer(*heavy)


def account_window(institution_id: UUID, account_id: int, *, before: int, names: Names) -> AccountWindow:
    """The account as it was when its event of sequence ``before`` arrived, which names what. One query."""
    return account_windows(institution_id, {account_id: before}, names)[account_id]


def policy_in_force(institution_id: UUID) -> tuple[Ruleset, Thresholds]:
    """Rules and thresholds that the institution set, or those Assay starts with. One query."""
    ruleset_id, *values = active_policy(institution_id)
    ruleset = DEFAULT_RULESET if ruleset_id is None else _parsed(institution_id, ruleset_id)
    return ruleset, _thresholds(*values)


def thresholds_in_force(institution_id: UUID) -> Thresholds:
    """What the institution set, or what Assay starts with."""
    return policy_in_force(institution_id)[1]


def _thresholds(version: int | None, review: Decimal, block_and_review: Decimal, decline: Decimal) -> Thresholds:
    if version is None:
        return DEFAULT_THRESHOLDS
    return Thresholds(version=str(version), review=review, block_and_review=block_and_review, decline=decline)


def thresholds_of(row: ThresholdsVersion) -> Thresholds:
    """A stored version as a value."""
    return _thresholds(row.version, row.review, row.block_and_review, row.decline)


def ruleset_document_in_force(institution_id: UUID) -> tuple[str, dict[str, Any]]:
    """Version and document of the rule set in force."""
    row = RulesetVersion.objects.filter(institution_id=institution_id, active=True).first()
    return (DEFAULT_RULESET.version, DEFAULT_DOCUMENT) if row is None else (str(row.version), row.document)


@lru_cache(maxsize=256)  # a version never changes, so it is read once
def _parsed(institution_id: UUID, pk: UUID) -> Ruleset:
    row = RulesetVersion.objects.get(
        pk=pk, institution_id=institution_id
    )  # a version never changes, so it is read once
    return parse_ruleset(row.document, version=str(row.version))


def list_hits(institution_id: UUID, event: Event, *, now: datetime) -> tuple[ListHit, ...]:
    """The list entries in force that the event matches."""
    told = [listed_digest(institution_id, kind, value) for kind, value in keys(event)]
    return tuple(
        ListHit(entry_id=str(pk), action=ListAction(action), kind=ListKind(kind), overridable=overridable)
        for pk, action, kind, overridable in listed(institution_id, told, now=now)
    )
