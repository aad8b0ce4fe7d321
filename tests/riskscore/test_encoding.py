"""The record as the model reads it."""

import math
import struct
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from inference.api import EventPosition, TokenPosition
from riskscore.encoding import (
    ABLATIONS,
    GROUPS,
    HISTORY_LIMIT,
    SCHEMA,
    ablate,
    history_start,
    pack_current,
    pack_history,
    pack_profile,
    questions,
)
from riskscore.events import Channel, Counterparty, CounterpartyKind, Event, EventKind
from riskscore.features import AccountWindow, compute, profile
from riskscore.features.merchants import category_group

EVENT = Event(
    id="e1",
    account="a",
    kind=EventKind.CARD_PAYMENT,
    channel=Channel.POS,
    amount=Decimal("99.00"),
    currency="EUR",
    occurred_at=datetime(2026, 5, 4, 12, tzinfo=UTC),
    country="DE",
    counterparty=Counterparty(kind=CounterpartyKind.TERMINAL, id="t1", category="5411", country="DE"),
)
FEATURES = compute(EVENT, AccountWindow(), None)


def fields(position: EventPosition) -> dict[str, float]:
    names = [*SCHEMA.numbers, *(category.name for category in SCHEMA.categories)]
    layout = f"<{len(SCHEMA.numbers)}f{len(SCHEMA.categories)}i"
    return dict(zip(names, struct.unpack(layout, position.packed), strict=True))


@pytest.mark.parametrize(
    ("count", "start"),
    [(0, 0), (479, 0), (480, 0), (481, 240), (720, 240), (721, 480), (960, 480), (961, 720), (10_000, 9_600)],
)
def test_a_full_history_is_cut_to_half_at_once(count, start):
    assert history_start(count) == start


def test_what_is_read_never_exceeds_the_limit():
    assert max(count - history_start(count) for count in range(5000)) == HISTORY_LIMIT


def test_an_event_is_packed_field_by_field():
    packed = fields(pack_history(EVENT, FEATURES))

    assert packed["amount.value"] == pytest.approx(math.log(100.0), rel=1e-6)
    assert packed["counterparty.is_new"] == 1.0
    assert math.isnan(packed["amount.deviations"])
    assert math.isnan(packed["device.is_new"])
    assert math.isnan(packed["profile.events"])
    assert (packed["role"], packed["kind"], packed["channel"]) == (1, 1, 1)
    assert (packed["counterparty.kind"], packed["counterparty.category"], packed["place.region"]) == (2, 10, 1)
    assert (packed["device.platform"], packed["timing.hour"], packed["timing.weekday"]) == (0, 13, 1)


def test_the_event_in_question_differs_from_history_in_its_role_alone():
    history, current = fields(pack_history(EVENT, FEATURES)), fields(pack_current(EVENT, FEATURES))

    changed = {name for name in history if history[name] != current[name] and not math.isnan(history[name])}
    assert changed == {"role"}


def test_a_profile_says_nothing_of_a_single_event():
    packed = fields(pack_profile(profile(AccountWindow([EVENT]))))

    assert packed["role"] == 2
    assert packed["profile.events"] == pytest.approx(math.log(2.0))
    assert packed["kind"] == 0
    assert math.isnan(packed["amount.value"])


def test_forgetting_a_group_forgets_its_fields_and_no_other():
    current = pack_current(EVENT, FEATURES)
    before, after = fields(current), fields(ablate(current, "timing"))

    assert math.isnan(after["timing.hour_share"])
    assert (after["timing.hour"], after["timing.weekday"]) == (0, 0)
    assert {name for name in before if before[name] != after[name] and before[name] == before[name]} == {
        "timing.hour",
        "timing.weekday",
    }


def test_every_field_but_the_events_nature_belongs_to_a_group_or_the_profile():
    grouped = {name for names in ABLATIONS.values() for name in names}

    rest = {*SCHEMA.numbers, *(category.name for category in SCHEMA.categories)} - grouped
    assert {name for name in rest if not name.startswith("profile.")} == {"role", "kind", "channel"}


def test_an_unknown_group_is_refused():
    with pytest.raises(KeyError):
        ablate(pack_current(EVENT, FEATURES), "mood")


def test_every_question_ends_in_its_token_and_follows_the_profile():
    told, current = pack_profile(profile(AccountWindow())), pack_current(EVENT, FEATURES)

    asked = {question.id: question for question in questions(told, current)}

    assert list(asked) == ["fraud", "anomaly", *(f"fraud-without-{group}" for group in GROUPS)]
    assert asked["fraud"].positions == (told, current, TokenPosition(1))
    assert asked["fraud"].labels == (3, 4)
    assert asked["anomaly"].positions == (told, current, TokenPosition(2))
    assert asked["anomaly"].labels == tuple(range(8, 21))
    assert asked["fraud-without-amount"].positions == (told, ablate(current, "amount"), TokenPosition(1))


@pytest.mark.parametrize(
    ("code", "group"),
    [("5411", "groceries"), ("7995", "gambling"), ("4829", "money_transfer"), ("", ""), ("54", ""), ("٥٤١١", "")],
)
def test_merchant_codes_fall_into_groups(code, group):
    assert category_group(code) == group


def test_the_schema_is_the_one_its_version_names():
    """Whoever changes a field changes the version, or a stored encoding lies."""
    assert (SCHEMA.version, len(SCHEMA.numbers), len(SCHEMA.categories), SCHEMA.packed_bytes) == ("risk-1", 71, 13, 336)
