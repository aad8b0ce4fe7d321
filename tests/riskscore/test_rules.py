"""Rules as data: what is read, what is refused and where, what holds."""

from decimal import Decimal

import pytest

from riskscore.anomalies import AnomalyType
from riskscore.events import Channel, DeviceFingerprint, EventKind, NetworkKind
from riskscore.features import AccountWindow, compute
from riskscore.lists import ListAction, ListHit, ListKind
from riskscore.outcomes import Outcome
from riskscore.rules import (
    DEFAULT_RULESET,
    RulesetError,
    evaluate,
    facts_of,
    hits_of_lists,
    parse_ruleset,
    rules_only,
    rules_score,
)
from tests.riskscore.makers import event

LARGE = {"field": "amount", "op": ">=", "value": "5000"}


def document(when=LARGE, **changes):
    rule = {"id": "large", "name": "Large", "when": when, "effect": {"outcome": "review"}, "reason": "It is large."}
    return {"rules": [rule | changes]}


def hits_of(told, when, **changes):
    features = compute(told, AccountWindow(), None)
    return evaluate(parse_ruleset(document(when, **changes), version="1"), facts_of(told, features))


@pytest.mark.parametrize(("amount", "count"), [("4999.99", 0), ("5000", 1), ("5000.01", 1)])
def test_an_amount_is_compared_exactly(amount, count):
    assert len(hits_of(event(amount=Decimal(amount)), LARGE)) == count


@pytest.mark.parametrize(
    ("when", "held"),
    [
        ({"field": "currency", "op": "==", "value": "EUR"}, True),
        ({"field": "currency", "op": "!=", "value": "EUR"}, False),
        ({"field": "country", "op": "in", "value": ["DE", "FR"]}, True),
        ({"field": "country", "op": "not_in", "value": ["DE", "FR"]}, False),
        ({"field": "network", "op": "==", "value": "residential"}, True),
        ({"field": "has_device", "op": "==", "value": True}, True),
        ({"field": "counterparty.is_new", "op": "==", "value": True}, True),
        ({"field": "velocity.out_count_1h", "op": "<", "value": 1}, True),
        ({"field": "place.speed_kmh", "op": ">", "value": 0}, False),  # missing
        ({"field": "place.speed_kmh", "op": "<=", "value": 0}, False),  # missing
        ({"not": {"field": "place.speed_kmh", "op": ">", "value": 0}}, True),
        ({"all": [LARGE, {"field": "currency", "op": "==", "value": "EUR"}]}, False),
        ({"any": [LARGE, {"field": "currency", "op": "==", "value": "EUR"}]}, True),
    ],
)
def test_a_condition_holds_or_not(when, held):
    assert bool(hits_of(event(), when)) is held


@pytest.mark.parametrize(
    ("broken", "pointer"),
    [
        ([], ""),
        ({}, "/rules"),
        ({"rules": []}, "/rules"),
        ({"rules": [5]}, "/rules/0"),
        (document(nmae="x"), "/rules/0/nmae"),
        (document(weight=1), "/rules/0/weight"),
        (document(weight="NaN"), "/rules/0/weight"),
        (document(anomaly="witchcraft"), "/rules/0/anomaly"),
        (document(overridable="yes"), "/rules/0/overridable"),
        (document(effect={}), "/rules/0/effect"),
        (document(effect={"outcome": "approve"}), "/rules/0/effect/outcome"),
        (document({"field": "amuont", "op": ">", "value": 1}), "/rules/0/when/field"),
        (document({"field": "amount", "op": "~", "value": 1}), "/rules/0/when/op"),
        (document({"field": "currency", "op": ">", "value": "A"}), "/rules/0/when/op"),
        (document({"field": "amount", "op": ">", "value": "many"}), "/rules/0/when/value"),
        (document({"field": "has_device", "op": "==", "value": 1}), "/rules/0/when/value"),
        (document({"all": [LARGE, {"field": "amount"}]}), "/rules/0/when/all/1"),
        (document({"all": []}), "/rules/0/when/all"),
        (document({"not": {"not": {"not": {"not": {"not": LARGE}}}}}), "/rules/0/when/not/not/not/not/not"),
        ({"rules": document()["rules"] * 2}, "/rules/1/id"),
    ],
)
def test_what_is_no_rule_set_is_refused_where_it_goes_wrong(broken, pointer):
    with pytest.raises(RulesetError) as refused:
        parse_ruleset(broken, version="1")

    assert refused.value.pointer == pointer


def test_without_hits_the_rules_alone_still_ask_for_a_review():
    answer = rules_only(())

    assert (answer.outcome, answer.anomaly, answer.score) == (Outcome.REVIEW, AnomalyType.NONE, 0.0)


def test_hits_add_up_as_independent_evidence():
    hits = [
        *hits_of(event(amount=Decimal(9000)), LARGE, weight="0.5"),
        *hits_of(event(amount=Decimal(9000)), LARGE, weight="0.5"),
    ]

    assert rules_score(hits) == 0.75


def test_the_most_severe_floor_and_the_weightiest_hint_win():
    mild = hits_of(event(amount=Decimal(9000)), LARGE, weight="0.3", anomaly="amount_outlier")
    hard = hits_of(event(amount=Decimal(9000)), LARGE, weight="0.2", anomaly="app_scam", effect={"outcome": "decline"})

    answer = rules_only([*mild, *hard])

    assert (answer.outcome, answer.anomaly) == (Outcome.DECLINE, AnomalyType.AMOUNT_OUTLIER)


def test_a_block_entry_declines_and_a_watch_entry_only_marks():
    block = ListHit(entry_id="1", action=ListAction.BLOCK, kind=ListKind.DEVICE, overridable=False)
    watch = ListHit(entry_id="2", action=ListAction.WATCH, kind=ListKind.ACCOUNT)

    hits = hits_of_lists([block, watch])

    assert [(hit.rule_id, hit.outcome, hit.watch) for hit in hits] == [
        ("list.block.device", Outcome.DECLINE, ""),
        ("list.watch.account", None, "watch:account"),
    ]


def test_an_ordinary_first_payment_meets_no_starting_rule():
    told = event()

    assert evaluate(DEFAULT_RULESET, facts_of(told, compute(told, AccountWindow(), None))) == ()


@pytest.mark.parametrize(
    ("told", "rule"),
    [
        (event(device=DeviceFingerprint(id="d", is_emulator=True)), "emulated_or_automated_device"),
        (event(device=DeviceFingerprint(id="d", network=NetworkKind.TOR)), "anonymous_network_on_new_device"),
        (event(kind=EventKind.TRANSFER_OUT, channel=Channel.WEB, amount=Decimal(60000)), "very_large_amount"),
    ],
)
def test_a_starting_rule_sees_what_it_is_named_for(told, rule):
    hits = evaluate(DEFAULT_RULESET, facts_of(told, compute(told, AccountWindow(), None)))

    assert rule in [hit.rule_id for hit in hits]


def test_a_pointer_to_a_key_is_escaped():
    with pytest.raises(RulesetError) as refused:
        parse_ruleset({"rules": [], "a/b~c": 1}, version="")

    assert refused.value.pointer == "/a~1b~0c"
