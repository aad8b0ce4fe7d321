"""From score, rules and lists to a decision."""

from decimal import Decimal

import pytest

from riskscore.anomalies import AnomalyType
from riskscore.lists import ListAction, ListHit, ListKind
from riskscore.outcomes import Outcome, RiskLevel
from riskscore.policy import Cause, Thresholds, combine, combine_without_model
from riskscore.rules import RuleHit

THRESHOLDS = Thresholds(version="1", review=Decimal("0.2"), block_and_review=Decimal("0.5"), decline=Decimal("0.9"))
ALLOW = ListHit(entry_id="1", action=ListAction.ALLOW, kind=ListKind.ACCOUNT)


def hit(outcome, *, overridable=True):
    return RuleHit(
        rule_id="rule",
        name="Rule",
        reason="It held.",
        outcome=outcome,
        watch="",
        weight=0.5,
        anomaly=AnomalyType.NONE,
        overridable=overridable,
    )


@pytest.mark.parametrize(
    ("score", "outcome", "level"),
    [
        ("0.0000", Outcome.APPROVE, RiskLevel.LOW),
        ("0.0199", Outcome.APPROVE, RiskLevel.LOW),
        ("0.0200", Outcome.APPROVE, RiskLevel.NORMAL),
        ("0.1999", Outcome.APPROVE, RiskLevel.NORMAL),
        ("0.2000", Outcome.REVIEW, RiskLevel.ELEVATED),
        ("0.4999", Outcome.REVIEW, RiskLevel.ELEVATED),
        ("0.5000", Outcome.BLOCK_AND_REVIEW, RiskLevel.HIGHEST),
        ("0.9000", Outcome.DECLINE, RiskLevel.HIGHEST),
        ("1.0000", Outcome.DECLINE, RiskLevel.HIGHEST),
    ],
)
def test_thresholds_include_their_own_value(score, outcome, level):
    decision = combine(Decimal(score), [], THRESHOLDS)

    assert (decision.outcome, decision.risk_level, decision.causes) == (outcome, level, (Cause.SCORE,))


@pytest.mark.parametrize(
    ("score", "floor", "outcome", "causes"),
    [
        ("0.1", Outcome.REVIEW, Outcome.REVIEW, (Cause.RULE,)),
        ("0.3", Outcome.REVIEW, Outcome.REVIEW, (Cause.RULE, Cause.SCORE)),
        ("0.6", Outcome.REVIEW, Outcome.BLOCK_AND_REVIEW, (Cause.SCORE,)),
        ("0.1", Outcome.DECLINE, Outcome.DECLINE, (Cause.RULE,)),
        ("0.1", None, Outcome.APPROVE, (Cause.SCORE,)),
    ],
)
def test_a_rule_can_only_raise_the_outcome(score, floor, outcome, causes):
    decision = combine(Decimal(score), [hit(floor)], THRESHOLDS)

    assert (decision.outcome, decision.causes) == (outcome, causes)


@pytest.mark.parametrize(
    ("score", "hits", "outcome"),
    [
        ("0.1", [], Outcome.APPROVE),
        ("0.6", [], Outcome.APPROVE),
        ("0.95", [], Outcome.REVIEW),
        ("0.1", [hit(Outcome.DECLINE)], Outcome.APPROVE),
        ("0.1", [hit(Outcome.DECLINE, overridable=False)], Outcome.DECLINE),
        ("0.1", [hit(Outcome.DECLINE), hit(Outcome.REVIEW, overridable=False)], Outcome.REVIEW),
    ],
)
def test_an_allow_entry_sets_aside_what_is_overridable(score, hits, outcome):
    assert combine(Decimal(score), hits, THRESHOLDS, [ALLOW]).outcome is outcome


def test_what_an_allow_entry_set_aside_is_named():
    decision = combine(Decimal("0.1"), [hit(Outcome.DECLINE)], THRESHOLDS, [ALLOW])

    assert (decision.overridden, decision.causes) == (("rule",), (Cause.ALLOW_LIST,))


@pytest.mark.parametrize(
    ("floor", "outcome", "level"),
    [
        (None, Outcome.REVIEW, RiskLevel.ELEVATED),
        (Outcome.REVIEW, Outcome.REVIEW, RiskLevel.ELEVATED),
        (Outcome.BLOCK_AND_REVIEW, Outcome.BLOCK_AND_REVIEW, RiskLevel.HIGHEST),
        (Outcome.DECLINE, Outcome.DECLINE, RiskLevel.HIGHEST),
    ],
)
def test_without_the_model_the_least_is_a_review(floor, outcome, level):
    decision = combine_without_model([hit(floor)])

    assert (decision.outcome, decision.risk_level) == (outcome, level)


@pytest.mark.parametrize(
    "values", [("0", "0.5", "0.9"), ("0.5", "0.5", "0.9"), ("0.6", "0.5", "0.9"), ("0.2", "0.5", "1.1")]
)
def test_thresholds_must_rise(values):
    review, block, decline = map(Decimal, values)

    with pytest.raises(ValueError, match="must rise"):
        Thresholds(version="1", review=review, block_and_review=block, decline=decline)
