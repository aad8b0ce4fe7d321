"""A rule set as values: conditions over named facts, and what follows when they hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from riskscore.anomalies import AnomalyType
from riskscore.outcomes import Outcome

Fact = Decimal | float | int | str | bool | frozenset[str] | None
Facts = Mapping[str, Fact]  # by field name; None is missing


class Operator(StrEnum):
    """How a fact is compared. With a missing fact every comparison is false."""

    LESS = "<"
    AT_MOST = "<="
    GREATER = ">"
    AT_LEAST = ">="
    EQUAL = "=="
    NOT_EQUAL = "!="
    IN = "in"
    NOT_IN = "not_in"
    HAS = "has"  # a set of names holds this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """One fact against one value; the value's type is the fact's, or a set of it for in and not_in."""

    field: str
    operator: Operator
    value: Decimal | str | bool | frozenset[str]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when every part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not."""

    part: "Condition"


Condition = Compare | AllOf | AnyOf | Not


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A condition and what follows.

    Attributes:
        id: stable over versions; also the code of the reason.
        outcome: the mildest outcome allowed when it holds, or None for a rule that only watches.
        watch: tag for people to filter by, or "".
        weight: how much a hit alone says for fraud, 0-1; orders events where no model answers.
        reason: one English sentence, also the message key of its translations.
        anomaly: the type it hints at.
        overridable: whether an allow-list entry sets it aside.
    """

    id: str
    name: str
    when: Condition
    reason: str
    outcome: Outcome | None = None
    watch: str = ""
    weight: float = 0.0
    anomaly: AnomalyType = AnomalyType.NONE
    overridable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruleset:
    """All rules of an institution at one time."""

    version: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleHit:
    """A rule that held for one event; the fields are the rule's."""

    rule_id: str
    name: str
    reason: str
    outcome: Outcome | None
    watch: str
    weight: float
    anomaly: AnomalyType
    overridable: bool
