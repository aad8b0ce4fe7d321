"""An event against its account's past."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import pytest

from riskscore.events import (
    Channel,
    Counterparty,
    CounterpartyKind,
    DeviceFingerprint,
    Event,
    EventKind,
    NetworkKind,
    Platform,
)
from riskscore.evidence import evidence
from riskscore.features import (
    AccountWindow,
    CounterpartyStats,
    CounterpartyWindow,
    Features,
    compute,
    incoherences,
    profile,
)
from riskscore.features.entries import KINDS, Entry, Names, counterparty_key, read_entries, stored_entry

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)  # a Monday
SHOP = Counterparty(kind=CounterpartyKind.MERCHANT, id="m1", category="5411", country="DE")
PHONE = DeviceFingerprint(
    id="d1", platform=Platform.IOS, browser="safari", screen="390x844", language="de-DE",
    utc_offset_minutes=120, ip_country="DE", hardware_concurrency=6, has_touch=True,
)  # fmt: skip


def event(number=0, *, amount="10.00", after=timedelta(), **changes) -> Event:
    base = Event(
        id=f"e{number}", account="a", kind=EventKind.CARD_PAYMENT, channel=Channel.POS, amount=Decimal(amount),
        currency="EUR", occurred_at=NOON + after, country="DE", counterparty=SHOP,
    )  # fmt: skip
    return replace(base, **changes)


def busy_life(count, seed) -> list[Event]:
    rng, clock, events = Random(seed), timedelta(), []
    for number in range(count):
        clock += timedelta(minutes=rng.expovariate(1 / 90))
        late = timedelta(hours=rng.choice([0, 0, 0, 7, 50]))
        events.append(
            event(
                number,
                amount=f"{rng.randrange(1, 40_000) / 100:.2f}",
                after=clock - late,
                kind=rng.choice(list(EventKind)),
                channel=rng.choice(list(Channel)),
                country=rng.choice(["DE", "DE", "FR", "JP"]),
                counterparty=rng.choice([None, replace(SHOP, id=f"m{rng.randrange(40)}")]),
                device=rng.choice([None, replace(PHONE, id=f"d{rng.randrange(6)}")]),
            )
        )
    return events


def test_a_window_made_at_once_equals_one_that_grew_and_goes_on_like_it():
    events = busy_life(600, seed=4)
    *past, new = events[:501]
    grown, made = AccountWindow(past), AccountWindow.of([Entry.of(one, order) for order, one in enumerate(past)])

    for one in events[501:]:  # until the first of them leave a full window
        grown.append(one)
        made.append(one)

    assert compute(new, made, None) == compute(new, grown, None)
    assert profile(made) == profile(grown)
    assert evidence(new, made) == evidence(new, grown)


def test_a_window_read_from_storage_equals_one_that_grew():
    *past, new = busy_life(400, seed=5)
    parties, devices = _Ids(), _Ids()
    stored = [
        stored_entry(
            one,
            order=order,
            counterparty_id=parties.of(counterparty_key(one.counterparty)),
            device_id=devices.of(one.device.id if one.device else ""),
        )
        for order, one in enumerate(past)
    ]
    shop = next(one.counterparty for one in past if one.counterparty)
    new = replace(new, counterparty=shop, device=replace(PHONE, id="d3", language="fr-FR"))
    names = Names(
        counterparties={parties.ids[counterparty_key(shop)]: counterparty_key(shop)},
        devices={devices.ids["d3"]: "d3"},
        languages=frozenset({"fr-FR"}),
    )

    grown, read = AccountWindow(past), AccountWindow.of(read_entries(b"".join(stored), names))

    assert compute(new, read, None) == compute(new, grown, None)
    assert profile(read) == profile(grown)
    assert evidence(new, read) == evidence(new, grown)


def test_kinds_keep_the_places_under_which_they_are_stored():
    assert [str(kind) for kind in KINDS] == [
        "card_payment",
        "cash_withdrawal",
        "transfer_out",
        "transfer_in",
        "direct_debit",
        "deposit",
        "login",
        "reversal",
    ]


class _Ids:
    """Rows' ids of names, from 1 on."""

    def __init__(self) -> None:
        self.ids: dict[str, int] = {}

    def of(self, name: str) -> int | None:
        return self.ids.setdefault(name, len(self.ids) + 1) if name else None


def shifted(found, *, by):
    """Evidence whose pointers count from an earlier event."""
    return {
        group: tuple(
            pointer if pointer.order is None else replace(pointer, order=pointer.order + by) for pointer in pointers
        )
        for group, pointers in found.items()
    }


@pytest.mark.parametrize("limit", [1, 7, 60, 512])
def test_a_window_that_grew_equals_one_rebuilt_from_its_last_events(limit):
    events = busy_life(700, seed=3)
    *past, new = events
    grown = AccountWindow(past, limit=limit)
    rebuilt = AccountWindow(past[-limit:], limit=limit)

    assert compute(new, grown, None) == compute(new, rebuilt, None)
    assert profile(grown) == profile(rebuilt)
    assert evidence(new, grown) == shifted(evidence(new, rebuilt), by=max(0, len(past) - limit))


def test_the_first_event_of_an_account_has_nothing_to_compare_with():
    found = compute(event(amount="250.00"), AccountWindow(), CounterpartyStats())

    assert found.amount.value == 250.0
    assert found.amount.is_round
    assert found.amount.deviations is None
    assert found.counterparty.is_new
    assert found.velocity.out_count_7d == 0
    assert found.place.is_foreign is None
    assert (found.timing.gap_s, found.timing.hour, found.timing.weekday) == (None, 12, 0)


def test_velocity_counts_by_when_things_happened():
    hours = [-200, -100, -30, -3, -0.5, 1]  # the last has not happened yet when the event did
    window = AccountWindow([event(i, amount="5.00", after=timedelta(hours=h)) for i, h in enumerate(hours)])

    found = compute(event(9), window, None).velocity

    assert (found.out_count_1h, found.out_count_24h, found.out_count_7d) == (1, 2, 4)
    assert (found.out_sum_1h, found.out_sum_24h, found.out_sum_7d) == (5.0, 10.0, 20.0)
    assert found.small_1h == 1


def test_an_hour_ago_to_the_second_is_no_longer_in_the_hour():
    window = AccountWindow([event(0, after=timedelta(hours=-1)), event(1, after=timedelta(seconds=-3599))])

    assert compute(event(2), window, None).velocity.out_count_1h == 1


def test_a_late_event_has_no_negative_gap_and_breaks_nothing():
    window = AccountWindow([event(0), event(1, after=timedelta(hours=2))])

    found = compute(event(2, after=timedelta(days=-3)), window, None)

    assert found.timing.gap_s == 0.0
    assert found.timing.out_gap_s is None
    assert found.velocity.out_count_7d == 0


def test_a_reversal_counts_as_one_and_moves_no_sums():
    window = AccountWindow([event(0, amount="80.00"), event(1, amount="80.00", kind=EventKind.REVERSAL)])

    found = compute(event(2, after=timedelta(minutes=1)), window, None)

    assert found.velocity.reversals_24h == 1
    assert found.velocity.out_sum_24h == 80.0


def test_an_unusual_amount_deviates_by_spreads_of_the_log():
    window = AccountWindow([event(i, amount="9.00", after=timedelta(days=i - 9)) for i in range(6)])

    found = compute(event(9, amount="99.00"), window, None).amount

    assert found.deviations == pytest.approx(9.2103, abs=1e-4)  # ln(100 / 10) / 0.25
    assert found.to_largest == 11.0


def test_money_that_passes_through_is_seen_against_what_came_in():
    arrived = event(0, amount="1000.00", kind=EventKind.TRANSFER_IN, channel=Channel.SYSTEM, after=timedelta(hours=-2))

    found = compute(event(1, amount="950.00", kind=EventKind.TRANSFER_OUT), AccountWindow([arrived]), None)

    assert found.amount.to_latest_in == 0.95
    assert found.velocity.out_to_in_24h == 0.95
    assert found.counterparty.sent_before
    assert found.velocity.senders_7d == 1


def test_tokyo_an_hour_after_berlin_is_too_fast():
    window = AccountWindow([event(0, after=timedelta(hours=-1))])

    found = compute(event(1, country="JP"), window, None).place

    assert found.is_foreign
    assert found.country_is_new
    assert found.speed_kmh == pytest.approx(9_070, rel=0.02)


def test_the_place_of_a_remote_event_is_its_address():
    abroad = replace(PHONE, ip_country="FR")

    found = compute(event(1, channel=Channel.MOBILE, device=abroad), AccountWindow([event(0)]), None)

    assert found.device.ip_is_foreign
    assert found.device.ip_is_elsewhere
    assert found.device.clock_is_off is False  # both keep the same clock
    assert found.place.is_foreign


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0),
        ({"hardware_concurrency": 16}, 1),
        ({"has_touch": False, "memory_gb": 8.0}, 2),
        ({"screen": "2560x1440"}, 1),
        ({"platform": Platform.WINDOWS}, 2),
        ({"screen": "0x"}, 0),
        ({"screen": "9" * 5000 + "x1"}, 0),
        ({"hardware_concurrency": -4}, 1),
        ({"platform": Platform.OTHER, "browser": ""}, 0),
    ],
)
def test_a_device_that_contradicts_its_platform_is_counted(changes, expected):
    assert incoherences(replace(PHONE, **changes)) == expected


def test_a_device_is_new_once():
    first = event(0, device=PHONE, channel=Channel.MOBILE, after=timedelta(hours=-6))

    new = compute(first, AccountWindow(), None).device
    known = compute(event(1, device=PHONE, channel=Channel.MOBILE), AccountWindow([first]), None).device

    assert (new.is_new, new.age_h, new.language_is_new) == (True, None, True)
    assert (known.is_new, known.age_h, known.language_is_new) == (False, 6.0, False)


def test_counterparty_figures_are_point_in_time():
    counterparties = CounterpartyWindow()
    for number, days in enumerate([-40, -20, -5, -0.5, 1]):
        counterparties.append(event(number, amount="30.00", account=f"a{number}", after=timedelta(days=days)))
    counterparties.report(event(1), known_at=(NOON - timedelta(days=10)).timestamp())
    counterparties.report(event(2), known_at=(NOON + timedelta(seconds=1)).timestamp())

    assert counterparties.stats(event(9)) == CounterpartyStats(
        count_24h=1, count_7d=2, count_28d=3, accounts_24h=1, frauds_28d=1, mean_amount=30.0, age_days=40.0
    )


def test_an_event_without_a_counterparty_has_no_figures():
    assert CounterpartyWindow().stats(event(counterparty=None)) is None
    assert CounterpartyWindow().stats(event()) == CounterpartyStats()


def test_features_survive_json():
    new = event(1, device=replace(PHONE, network=NetworkKind.VPN), channel=Channel.WEB)
    found = compute(new, AccountWindow([event(0)]), CounterpartyStats(count_24h=3, mean_amount=4.0))

    assert Features.from_dict(found.as_dict()) == found


def test_evidence_names_the_earlier_events_it_was_compared_with():
    past = [
        event(0, amount="90.00", after=timedelta(days=-3), device=PHONE),
        event(1, after=timedelta(minutes=-30), country="FR", counterparty=None),
        event(2, after=timedelta(minutes=-10), counterparty=None),
    ]

    found = evidence(event(3, device=replace(PHONE, id="d2")), AccountWindow(past))

    assert {group: [pointer.order for pointer in pointers] for group, pointers in found.items()} == {
        "amount": [None, 0],
        "counterparty": [None, 0],
        "device": [None, 0],
        "velocity": [None, 2, 1],
        "place": [None, 1],
        "timing": [None, 2],
    }
