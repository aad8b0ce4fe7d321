"""An account's record as the model reads it: which fields, which positions, which questions.

The record is the account's history, oldest first; every question follows it with the profile, the new
event and a question token. Training and serving use this module alike. A stored history position never
changes, so the prefix of an account can be read once and kept.
"""

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from operator import attrgetter
from typing import Any

from inference.api import CategoryField, EventPosition, EventSchema, Position, Question, TokenPosition
from riskscore.anomalies import ANOMALY_TYPES
from riskscore.events import Channel, CounterpartyKind, Event, EventKind, NetworkKind, Platform
from riskscore.features import Features, Profile
from riskscore.features.entries import place_of
from riskscore.features.merchants import GROUP_NAMES, category_group
from riskscore.features.places import Region, region_of

HISTORY_LIMIT = 480  # events; with a question's three positions it stays inside a window of 512
HISTORY_STEP = HISTORY_LIMIT // 2

VOCABULARY = 64
PAD, ASK_FRAUD, ASK_ANOMALY, NO, YES = range(5)
ANOMALY_TOKENS = tuple(8 + index for index in range(len(ANOMALY_TYPES)))

FRAUD, ANOMALY = "fraud", "anomaly"  # ids of the base questions


class Role(IntEnum):
    """What a position tells: an earlier event, the account as a whole, or the event in question."""

    HISTORY = 1
    PROFILE = 2
    CURRENT = 3


@dataclass(frozen=True, slots=True)
class _Number:
    """A number of the schema: where it comes from and how its scale is bent."""

    name: str
    bend: Callable[[float], float]


def _log(value: float) -> float:
    return math.log1p(value)


def _signed_log(value: float) -> float:
    return math.copysign(math.log1p(abs(value)), value)


def _ratio(value: float) -> float:
    return math.log(max(value, 1e-4))


def _as_is(value: float) -> float:
    return float(value)


_BENDS: tuple[tuple[Callable[[float], float], str], ...] = (
    (_log, "amount.value amount.same_24h"),
    (_signed_log, "amount.deviations"),
    (_ratio, "amount.to_largest amount.to_latest_in"),
    (_as_is, "amount.is_round counterparty.is_new"),
    (_log, "counterparty.earlier counterparty.since_first_days"),
    (_as_is, "counterparty.category_is_new counterparty.sent_before"),
    (_log, "counterparty.count_24h counterparty.count_7d counterparty.count_28d counterparty.accounts_24h"),
    (_log, "counterparty.frauds_28d counterparty.age_days"),
    (_as_is, "counterparty.fraud_share"),
    (_ratio, "counterparty.amount_to_mean"),
    (_as_is, "device.is_new device.language_is_new device.ip_is_foreign device.ip_is_elsewhere"),
    (_as_is, "device.clock_is_off device.incoherences device.is_emulator device.is_automated device.is_rooted"),
    (_log, "device.age_h device.cores device.memory_gb"),
    (_as_is, "device.has_touch"),
    (_log, "velocity.out_count_1h velocity.out_count_24h velocity.out_count_7d"),
    (_log, "velocity.out_sum_1h velocity.out_sum_24h velocity.out_sum_7d"),
    (_log, "velocity.in_count_24h velocity.in_count_7d velocity.in_sum_24h"),
    (_log, "velocity.logins_24h velocity.reversals_24h velocity.out_pace velocity.small_1h"),
    (_log, "velocity.counterparties_24h velocity.devices_24h velocity.senders_7d"),
    (_ratio, "velocity.out_to_in_24h"),
    (_as_is, "place.country_is_new place.is_foreign"),
    (_log, "place.from_home_km place.from_previous_km place.speed_kmh place.countries_24h"),
    (_log, "timing.gap_s timing.out_gap_s timing.gap_evenness"),
    (_as_is, "timing.hour_share"),
    (_log, "profile.events profile.span_days profile.out_per_day"),
    (_as_is, "profile.out_mean_log profile.out_spread_log profile.in_mean_log"),
    (_log, "profile.devices profile.counterparties profile.places"),
    (_as_is, "profile.home_share profile.remote_share profile.night_share"),
)
_NUMBERS = tuple(_Number(name, bend) for bend, names in _BENDS for name in names.split())
_BROWSERS = ("chrome", "safari", "firefox", "edge", "samsung", "opera", "app")

_CATEGORIES: tuple[tuple[str, int], ...] = (
    ("role", len(Role)),
    ("kind", len(EventKind)),
    ("channel", len(Channel)),
    ("counterparty.kind", len(CounterpartyKind)),
    ("counterparty.category", len(GROUP_NAMES) + 1),
    ("counterparty.region", len(Region) - 1),
    ("device.platform", len(Platform)),
    ("device.network", len(NetworkKind)),
    ("device.browser", len(_BROWSERS) + 1),
    ("device.region", len(Region) - 1),
    ("place.region", len(Region) - 1),
    ("timing.hour", 24),
    ("timing.weekday", 7),
)

SCHEMA = EventSchema(
    version="risk-1",
    numbers=tuple(number.name for number in _NUMBERS),
    categories=tuple(CategoryField(name=name, size=size + 1) for name, size in _CATEGORIES),
)

# A reason's group, and the prefix of the fields that are forgotten to see whether it mattered.
GROUPS: tuple[str, ...] = tuple(field.name for field in fields(Features))
ABLATIONS: Mapping[str, tuple[str, ...]] = {
    group: tuple(
        name
        for name in (*SCHEMA.numbers, *(category.name for category in SCHEMA.categories))
        if name.startswith(f"{group}.")
    )
    for group in GROUPS
}

_LAYOUT = struct.Struct(f"<{len(SCHEMA.numbers)}f{len(SCHEMA.categories)}i")


def history_start(count: int) -> int:
    """First event of the history that is read, when an account has ``count`` earlier events.

    A full history is cut to half at once, so the start, and with it every cached prefix, stays put
    for the next 240 events.

    >>> [history_start(count) for count in (0, 480, 481, 720, 721)]
    [0, 0, 240, 240, 480]
    """
    return 0 if count <= HISTORY_LIMIT else HISTORY_STEP * math.ceil((count - HISTORY_LIMIT) / HISTORY_STEP)


def pack_history(event: Event, features: Features) -> EventPosition:
    """An event as part of the record: packed when it arrives, stored, and never packed again."""
    return _pack_event(Role.HISTORY, event, features)


def pack_current(event: Event, features: Features) -> EventPosition:
    """The event in question: the same fields as in the record, in another role."""
    return _pack_event(Role.CURRENT, event, features)


def pack_profile(profile: Profile) -> EventPosition:
    """The account as a whole; every field that describes one event is missing."""
    return _pack({"profile": profile}, {}, (Role.PROFILE, *[0] * (len(_CATEGORIES) - 1)))


def questions(profile: EventPosition, current: EventPosition) -> tuple[Question, ...]:
    """What is asked about one event: fraud or not, which anomaly, and fraud again without each group.

    The ablated questions are called ``fraud-without-<group>``, one for each of `GROUPS`.
    """
    return (
        _question(FRAUD, profile, current),
        Question(id=ANOMALY, positions=(profile, current, TokenPosition(ASK_ANOMALY)), labels=ANOMALY_TOKENS),
        *(_question(ablation_id(group), profile, ablate(current, group)) for group in GROUPS),
    )


def ablation_id(group: str) -> str:
    """Id of the fraud question that forgets one group."""
    return f"fraud-without-{group}"


def ablate(position: EventPosition, group: str) -> EventPosition:
    """The position with every field of a group missing. Raises KeyError for an unknown group."""
    forgotten = frozenset(ABLATIONS[group])
    values = _LAYOUT.unpack(position.packed)
    numbers, codes = values[: len(SCHEMA.numbers)], values[len(SCHEMA.numbers) :]
    return SCHEMA.pack(
        [math.nan if name in forgotten else value for name, value in zip(SCHEMA.numbers, numbers, strict=True)],
        [0 if field.name in forgotten else code for field, code in zip(SCHEMA.categories, codes, strict=True)],
    )


def _question(question_id: str, profile: EventPosition, current: EventPosition) -> Question:
    positions: tuple[Position, ...] = (profile, current, TokenPosition(ASK_FRAUD))
    return Question(id=question_id, positions=positions, labels=(NO, YES))


def _pack_event(role: Role, event: Event, features: Features) -> EventPosition:
    parts = {group: getattr(features, group) for group in GROUPS}
    device = event.device
    extra: dict[str, float | None] = {}
    if device is not None:
        extra = {
            "device.cores": device.hardware_concurrency,
            "device.memory_gb": device.memory_gb,
            "device.has_touch": float(device.has_touch),
        }
    return _pack(parts, extra, _codes(role, event))


_GETTERS = tuple(
    (number, number.name.partition(".")[0], attrgetter(number.name.partition(".")[2])) for number in _NUMBERS
)
_EVENT_EXTRAS = frozenset({"device.cores", "device.memory_gb", "device.has_touch"})


def _pack(parts: Mapping[str, Any], extra: Mapping[str, float | None], codes: tuple[int, ...]) -> EventPosition:
    numbers = []
    for number, part, getter in _GETTERS:
        if number.name in _EVENT_EXTRAS:
            value = extra.get(number.name)
        else:
            value = getter(parts[part]) if part in parts else None
        numbers.append(math.nan if value is None else number.bend(value))
    return SCHEMA.pack(numbers, codes)


def _code(table: Mapping[str, int], value: str) -> int:
    return table.get(value, 0)


def _table(values: tuple[str, ...]) -> Mapping[str, int]:
    return {value: index + 1 for index, value in enumerate(values)}


_KIND_CODES, _CHANNEL_CODES = _table(tuple(EventKind)), _table(tuple(Channel))
_COUNTERPARTY_CODES, _MCC_CODES = _table(tuple(CounterpartyKind)), _table(GROUP_NAMES)
_PLATFORM_CODES, _NETWORK_CODES = _table(tuple(Platform)), _table(tuple(NetworkKind))
_BROWSER_CODES = _table(_BROWSERS)


def _codes(role: Role, event: Event) -> tuple[int, ...]:
    other, device, moment = event.counterparty, event.device, event.occurred_at
    return (
        role,
        _code(_KIND_CODES, event.kind),
        _code(_CHANNEL_CODES, event.channel),
        _code(_COUNTERPARTY_CODES, other.kind) if other else 0,
        _code(_MCC_CODES, category_group(other.category)) if other else 0,
        region_of(other.country) if other else 0,
        _code(_PLATFORM_CODES, device.platform) if device else 0,
        _code(_NETWORK_CODES, device.network) if device else 0,
        _BROWSER_CODES.get(device.browser, len(_BROWSERS) + 1 if device.browser else 0) if device else 0,
        region_of(device.ip_country) if device else 0,
        region_of(place_of(event)),
        moment.hour + 1,
        moment.weekday() + 1,
    )
