"""From a probability, the rules that held and the lists to what the institution should do.

A list entry or a rule can only raise what happens, with one exception: an allow entry. It turns
what the score asks for into an approval and sets overridable rules aside; a score that asks to
decline still gets a review, and what is not overridable stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from riskscore.lists import ListAction, ListHit
from riskscore.outcomes import Outcome, RiskLevel, most_severe
from riskscore.rules.evaluation import rules_only
from riskscore.rules.values import RuleHit

NORMAL_SHARE = Decimal("0.1")  # of the review threshold; below it a score is low


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """Scores from which an institution acts; each includes its own value.

    Attributes:
        version: of the institution's own numbering.
    """

    version: str
    review: Decimal
    block_and_review: Decimal
    decline: Decimal

    def __post_init__(self) -> None:
        if not Decimal(0) < self.review < self.block_and_review < self.decline <= Decimal(1):
            raise ValueError("thresholds must rise: 0 < review < block_and_review < decline <= 1")


DEFAULT_THRESHOLDS = Thresholds(
    version="default-2026-11-23",
    review=Decimal("0.2000"),
    block_and_review=Decimal("0.5000"),
    decline=Decimal("0.9000"),
)


class Cause(StrEnum):
    """What settled an outcome."""

    SCORE = "score"
    RULE = "rule"
    ALLOW_LIST = "allow_list"
    MODEL_UNAVAILABLE = "model_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do and why.

    Attributes:
        causes: everything that alone asks for this outcome, or made it this mild.
        overridden: ids of the rules an allow entry set aside.
    """

    outcome: Outcome
    risk_level: RiskLevel
    causes: tuple[Cause, ...]
    overridden: tuple[str, ...] = ()


def outcome_of(score: Decimal, thresholds: Thresholds) -> Outcome:
    """What the score alone asks for."""
    if score >= thresholds.decline:
        return Outcome.DECLINE
    if score >= thresholds.block_and_review:
        return Outcome.BLOCK_AND_REVIEW
    if score >= thresholds.review:
        return Outcome.REVIEW
    return Outcome.APPROVE


def risk_level_of(score: Decimal, thresholds: Thresholds) -> RiskLevel:
    """The score in words: highest from the blocking threshold, elevated from review."""
    if score >= thresholds.block_and_review:
        return RiskLevel.HIGHEST
    if score >= thresholds.review:
        return RiskLevel.ELEVATED
    if score >= thresholds.review * NORMAL_SHARE:
        return RiskLevel.NORMAL
    return RiskLevel.LOW


def combine(score: Decimal, hits: Sequence[RuleHit], thresholds: Thresholds, lists: Sequence[ListHit] = ()) -> Decision:
    """The decision when the model has answered.

    Args:
        score: calibrated probability of fraud, 0-1.
    """
    by_score = outcome_of(score, thresholds)
    allowed = any(hit.action is ListAction.ALLOW for hit in lists)
    if allowed:
        by_score = Outcome.REVIEW if by_score is Outcome.DECLINE else Outcome.APPROVE
    floors = [hit.outcome for hit in hits if hit.outcome is not None and not (allowed and hit.overridable)]
    outcome = most_severe(by_score, *floors)
    causes = [Cause.RULE] if outcome in floors else []
    if by_score is outcome:
        causes.append(Cause.ALLOW_LIST if allowed else Cause.SCORE)
    return Decision(
        outcome=outcome,
        risk_level=risk_level_of(score, thresholds),
        causes=tuple(causes),
        overridden=tuple(hit.rule_id for hit in hits if allowed and hit.overridable and hit.outcome is not None),
    )


def combine_without_model(hits: Sequence[RuleHit]) -> Decision:
    """The decision when the model has not answered: the rules', and at least a review.

    An allow entry has no say here: it lifts a suspicion, and nobody has looked for one.
    """
    outcome = rules_only(hits).outcome
    level = RiskLevel.ELEVATED if outcome is Outcome.REVIEW else RiskLevel.HIGHEST
    floors = [hit.outcome for hit in hits]
    causes = (Cause.MODEL_UNAVAILABLE, Cause.RULE) if outcome in floors else (Cause.MODEL_UNAVAILABLE,)
    return Decision(outcome=outcome, risk_level=level, causes=causes)
