"""A rule set from its JSON document, refused with a pointer to what is wrong."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

from riskscore.anomalies import AnomalyType
from riskscore.outcomes import Outcome
from riskscore.rules.facts import FIELDS, FieldKind
from riskscore.rules.values import AllOf, AnyOf, Compare, Condition, Not, Operator, Rule, Ruleset

MAX_RULES = 200
MAX_DEPTH = 5
MAX_PARTS = 50
MAX_TEXT = 300
RULE_KEYS = frozenset({"id", "name", "when", "effect", "reason", "weight", "anomaly", "overridable"})
ORDERED = frozenset({Operator.LESS, Operator.AT_MOST, Operator.GREATER, Operator.AT_LEAST})
OPERATORS: Mapping[FieldKind, frozenset[Operator]] = {
    FieldKind.NUMBER: ORDERED | {Operator.EQUAL, Operator.NOT_EQUAL},
    FieldKind.TEXT: frozenset({Operator.EQUAL, Operator.NOT_EQUAL, Operator.IN, Operator.NOT_IN}),
    FieldKind.FLAG: frozenset({Operator.EQUAL}),
    FieldKind.NAMES: frozenset({Operator.HAS}),
}
Choice = TypeVar("Choice", Outcome, AnomalyType, Operator)


class RulesetError(ValueError):
    """A rule set that cannot be understood.

    Attributes:
        pointer: JSON pointer into the document.
    """

    def __init__(self, detail: str, *, pointer: str) -> None:
        super().__init__(f"{pointer or '/'}: {detail}")
        self.detail = detail
        self.pointer = pointer


def parse_ruleset(document: object, *, version: str) -> Ruleset:
    """Read ``{"rules": [...]}``.

    Raises:
        RulesetError: pointing at the first thing that is wrong.
    """
    body = _keys(document, "", allowed=frozenset({"rules"}), needed=("rules",))
    items = _list(body["rules"], "/rules", longest=MAX_RULES)
    rules = tuple(_rule(item, f"/rules/{index}") for index, item in enumerate(items))
    seen: set[str] = set()
    for index, rule in enumerate(rules):
        if rule.id in seen:
            raise RulesetError("another rule has this id", pointer=f"/rules/{index}/id")
        seen.add(rule.id)
    return Ruleset(version=version, rules=rules)


def _rule(item: object, pointer: str) -> Rule:
    body = _keys(item, pointer, allowed=RULE_KEYS, needed=("id", "name", "when", "effect", "reason"))
    outcome, watch = _effect(body["effect"], f"{pointer}/effect")
    return Rule(
        id=_text(body["id"], f"{pointer}/id"),
        name=_text(body["name"], f"{pointer}/name"),
        when=_condition(body["when"], f"{pointer}/when", depth=1),
        reason=_text(body["reason"], f"{pointer}/reason"),
        outcome=outcome,
        watch=watch,
        weight=_weight(body.get("weight", 0), f"{pointer}/weight"),
        anomaly=_choice(AnomalyType, body.get("anomaly", "none"), f"{pointer}/anomaly"),
        overridable=_flag(body.get("overridable", True), f"{pointer}/overridable"),
    )


def _effect(item: object, pointer: str) -> tuple[Outcome | None, str]:
    body = _keys(item, pointer, allowed=frozenset({"outcome", "watch"}), needed=())
    if len(body) != 1:
        raise RulesetError("an effect is either an outcome or a watch tag", pointer=pointer)
    if "watch" in body:
        return None, _text(body["watch"], f"{pointer}/watch")
    outcome = _choice(Outcome, body["outcome"], f"{pointer}/outcome")
    if outcome is Outcome.APPROVE:
        raise RulesetError("a rule cannot approve; use an allow list", pointer=f"{pointer}/outcome")
    return outcome, ""


def _condition(item: object, pointer: str, *, depth: int) -> Condition:
    if depth > MAX_DEPTH:
        raise RulesetError(f"conditions nest at most {MAX_DEPTH} deep", pointer=pointer)
    body = _keys(item, pointer, allowed=frozenset({"all", "any", "not", "field", "op", "value"}), needed=())
    match sorted(body):
        case ["all"]:
            return AllOf(_parts(body["all"], f"{pointer}/all", depth=depth))
        case ["any"]:
            return AnyOf(_parts(body["any"], f"{pointer}/any", depth=depth))
        case ["not"]:
            return Not(_condition(body["not"], f"{pointer}/not", depth=depth + 1))
        case ["field", "op", "value"]:
            return _compare(body, pointer)
        case _:
            raise RulesetError("a condition is all, any, not, or field with op and value", pointer=pointer)


def _parts(item: object, pointer: str, *, depth: int) -> tuple[Condition, ...]:
    parts = _list(item, pointer, longest=MAX_PARTS)
    return tuple(_condition(part, f"{pointer}/{index}", depth=depth + 1) for index, part in enumerate(parts))


def _compare(body: Mapping[str, Any], pointer: str) -> Compare:
    field = _text(body["field"], f"{pointer}/field")
    kind = FIELDS.get(field)
    if kind is None:
        raise RulesetError("there is no such fact", pointer=f"{pointer}/field")
    operator = _choice(Operator, body["op"], f"{pointer}/op")
    if operator not in OPERATORS[kind]:
        raise RulesetError("this fact cannot be compared that way", pointer=f"{pointer}/op")
    return Compare(field=field, operator=operator, value=_value(body["value"], kind, operator, f"{pointer}/value"))


def _value(value: object, kind: FieldKind, operator: Operator, pointer: str) -> Decimal | str | bool | frozenset[str]:
    if kind is FieldKind.NUMBER:
        return _number(value, pointer)
    if kind is FieldKind.FLAG:
        return _flag(value, pointer)
    if operator in (Operator.IN, Operator.NOT_IN):
        items = _list(value, pointer, longest=MAX_RULES)
        return frozenset(_text(item, f"{pointer}/{index}") for index, item in enumerate(items))
    return _text(value, pointer)


def _keys(item: object, pointer: str, *, allowed: frozenset[str], needed: tuple[str, ...]) -> Mapping[str, Any]:
    if not isinstance(item, dict):
        raise RulesetError("an object is expected here", pointer=pointer)
    for key in item:
        if key not in allowed:
            name = str(key).replace("~", "~0").replace("/", "~1")  # RFC 6901
            raise RulesetError("this key is not known here", pointer=f"{pointer}/{name}")
    for key in needed:
        if key not in item:
            raise RulesetError("this key is needed", pointer=f"{pointer}/{key}")
    return item


def _list(item: object, pointer: str, *, longest: int) -> list[object]:
    if not isinstance(item, list) or not 1 <= len(item) <= longest:
        raise RulesetError(f"a list of 1 to {longest} is expected here", pointer=pointer)
    return item


def _text(item: object, pointer: str) -> str:
    if not isinstance(item, str) or not 1 <= len(item) <= MAX_TEXT or not item.isprintable():
        raise RulesetError(f"a text of 1 to {MAX_TEXT} printable characters is expected here", pointer=pointer)
    return item


def _flag(item: object, pointer: str) -> bool:
    if not isinstance(item, bool):
        raise RulesetError("true or false is expected here", pointer=pointer)
    return item


def _number(item: object, pointer: str) -> Decimal:
    if isinstance(item, bool) or not isinstance(item, int | float | str | Decimal):
        raise RulesetError("a number, or a number as text, is expected here", pointer=pointer)
    try:
        number = Decimal(str(item))
    except InvalidOperation:
        raise RulesetError("this is not a number", pointer=pointer) from None
    if not number.is_finite():
        raise RulesetError("a finite number is expected here", pointer=pointer)
    return number


def _weight(item: object, pointer: str) -> float:
    weight = float(_number(item, pointer))
    if not 0.0 <= weight < 1.0:
        raise RulesetError("a weight is at least 0 and below 1", pointer=pointer)
    return weight


def _choice(choices: type[Choice], item: object, pointer: str) -> Choice:
    if isinstance(item, str) and item in tuple(choices):
        return choices(item)
    raise RulesetError(f"one of {', '.join(choices)} is expected here", pointer=pointer)
