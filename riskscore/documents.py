"""Rule hits, list hits and thresholds as JSON, the way an assessment keeps them."""

from collections.abc import Mapping
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from riskscore.anomalies import AnomalyType
from riskscore.lists import ListAction, ListHit, ListKind
from riskscore.outcomes import Outcome
from riskscore.policy import Thresholds
from riskscore.rules import RuleHit


def hit_document(hit: RuleHit) -> dict[str, Any]:
    """A rule hit as JSON."""
    return asdict(hit)


def list_document(hit: ListHit) -> dict[str, Any]:
    """A list hit as JSON."""
    return asdict(hit)


def thresholds_document(thresholds: Thresholds) -> dict[str, str]:
    """Thresholds as JSON, values as text so that none is rounded."""
    return {name: str(value) for name, value in asdict(thresholds).items()}


def read_hit(document: Mapping[str, Any]) -> RuleHit:
    """The inverse of `hit_document`."""
    outcome = document["outcome"]
    return RuleHit(
        rule_id=document["rule_id"],
        name=document["name"],
        reason=document["reason"],
        outcome=None if outcome is None else Outcome(outcome),
        watch=document["watch"],
        weight=document["weight"],
        anomaly=AnomalyType(document["anomaly"]),
        overridable=document["overridable"],
    )


def read_list_hit(document: Mapping[str, Any]) -> ListHit:
    """The inverse of `list_document`."""
    return ListHit(
        entry_id=document["entry_id"],
        action=ListAction(document["action"]),
        kind=ListKind(document["kind"]),
        overridable=document["overridable"],
    )


def read_thresholds(document: Mapping[str, str]) -> Thresholds:
    """The inverse of `thresholds_document`."""
    return Thresholds(
        version=document["version"],
        review=Decimal(document["review"]),
        block_and_review=Decimal(document["block_and_review"]),
        decline=Decimal(document["decline"]),
    )
