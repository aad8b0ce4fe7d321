"""Which rules hold for an event, and what they say where no model does."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from riskscore.anomalies import AnomalyType
from riskscore.lists import ListAction, ListHit
from riskscore.outcomes import Outcome, most_severe
from riskscore.rules.values import AllOf, AnyOf, Compare, Condition, Fact, Facts, Not, Operator, Rule, RuleHit, Ruleset

LIST_REASONS = {
    ListAction.BLOCK: "Part of this event is on a block list.",
    ListAction.WATCH: "Part of this event is on a watch list.",
}
LIST_WEIGHTS = {ListAction.BLOCK: 0.9, ListAction.WATCH: 0.1}


@dataclass(frozen=True, slots=True, kw_only=True)
class RulesAnswer:
    """What is answered without a model.

    Attributes:
        outcome: never an approval: nobody has looked at what the rules cannot see.
        score: 0-1, orders events; not a probability.
    """

    outcome: Outcome
    anomaly: AnomalyType
    score: float


def evaluate(ruleset: Ruleset, facts: Facts) -> tuple[RuleHit, ...]:
    """The rules that hold, in the rule set's order."""
    return tuple(_hit(rule) for rule in ruleset.rules if holds(rule.when, facts))


def holds(condition: Condition, facts: Facts) -> bool:
    """Whether a condition is true of the facts; a missing fact makes its comparison false."""
    match condition:
        case AllOf(parts):
            return all(holds(part, facts) for part in parts)
        case AnyOf(parts):
            return any(holds(part, facts) for part in parts)
        case Not(part):
            return not holds(part, facts)
        case Compare():
            fact = facts.get(condition.field)
            return fact is not None and _compare(fact, condition)


def hits_of_lists(lists: Iterable[ListHit]) -> tuple[RuleHit, ...]:
    """What block and watch entries ask for, as hits: they bind whatever the rule set says."""
    return tuple(
        RuleHit(
            rule_id=f"list.{hit.action}.{hit.kind}",
            name=hit.name,
            reason=LIST_REASONS[hit.action],
            outcome=Outcome.DECLINE if hit.action is ListAction.BLOCK else None,
            watch=hit.name if hit.action is ListAction.WATCH else "",
            weight=LIST_WEIGHTS[hit.action],
            anomaly=AnomalyType.NONE,
            overridable=hit.overridable,
        )
        for hit in lists
        if hit.action is not ListAction.ALLOW
    )


def rules_only(hits: Sequence[RuleHit]) -> RulesAnswer:
    """The answer when the model has none: the most severe floor, and at least a review."""
    floors = [hit.outcome for hit in hits if hit.outcome is not None]
    return RulesAnswer(
        outcome=most_severe(Outcome.REVIEW, *floors),
        anomaly=hinted_anomaly(hits),
        score=rules_score(hits),
    )


def rules_score(hits: Sequence[RuleHit]) -> float:
    """How much the hits together say for fraud, 0-1, as if each were independent evidence.

    >>> rules_score([])
    0.0
    """
    return 1.0 - math.prod(1.0 - hit.weight for hit in hits)


def hinted_anomaly(hits: Sequence[RuleHit]) -> AnomalyType:
    """The type that the weightiest hit with a hint names, the earlier of equals, or none."""
    hinting = [hit for hit in hits if hit.anomaly is not AnomalyType.NONE]
    return max(hinting, key=lambda hit: hit.weight).anomaly if hinting else AnomalyType.NONE


def _hit(rule: Rule) -> RuleHit:
    return RuleHit(
        rule_id=rule.id,
        name=rule.name,
        reason=rule.reason,
        outcome=rule.outcome,
        watch=rule.watch,
        weight=rule.weight,
        anomaly=rule.anomaly,
        overridable=rule.overridable,
    )


def _compare(fact: Fact, condition: Compare) -> bool:
    value = condition.value
    match condition.operator:
        case Operator.EQUAL:
            return fact == value
        case Operator.NOT_EQUAL:
            return fact != value
        case Operator.IN:
            assert isinstance(value, frozenset)
            return fact in value
        case Operator.NOT_IN:
            assert isinstance(value, frozenset)
            return fact not in value
        case Operator.HAS:
            assert isinstance(fact, frozenset)
            return value in fact
        case _:
            assert isinstance(fact, Decimal | float | int)
            assert isinstance(value, Decimal)
            return _ordered(fact, condition.operator, value)


def _ordered(fact: Decimal | float, operator: Operator, value: Decimal) -> bool:
    match operator:
        case Operator.LESS:
            return fact < value
        case Operator.AT_MOST:
            return fact <= value
        case Operator.GREATER:
            return fact > value
        case _:
            return fact >= value
