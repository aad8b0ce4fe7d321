"""The facts that rules may speak of, by name: the event as told, the lists it is on, its features.

Features keep their groups: ``velocity.out_count_1h``, ``place.speed_kmh``, ``counterparty.is_new``.
"""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from riskscore.events import Event
from riskscore.features import (
    AmountFeatures,
    CounterpartyFeatures,
    DeviceFeatures,
    Features,
    PlaceFeatures,
    TimingFeatures,
    VelocityFeatures,
)
from riskscore.lists import ListHit
from riskscore.rules.values import Fact, Facts


class FieldKind(StrEnum):
    """What values a fact takes, and so how it may be compared."""

    NUMBER = "number"
    TEXT = "text"
    FLAG = "flag"
    NAMES = "names"


GROUPS: Final = {
    "amount": AmountFeatures,
    "counterparty": CounterpartyFeatures,
    "device": DeviceFeatures,
    "velocity": VelocityFeatures,
    "place": PlaceFeatures,
    "timing": TimingFeatures,
}


def _feature_fields() -> dict[str, FieldKind]:
    return {
        f"{group}.{field.name}": FieldKind.FLAG if "bool" in str(field.type) else FieldKind.NUMBER
        for group, values in GROUPS.items()
        for field in dataclasses.fields(values)
    }


FIELDS: Final[Mapping[str, FieldKind]] = {
    "amount": FieldKind.NUMBER,
    "currency": FieldKind.TEXT,
    "kind": FieldKind.TEXT,
    "channel": FieldKind.TEXT,
    "country": FieldKind.TEXT,
    "counterparty_kind": FieldKind.TEXT,
    "counterparty_category": FieldKind.TEXT,
    "counterparty_country": FieldKind.TEXT,
    "ip_country": FieldKind.TEXT,
    "network": FieldKind.TEXT,
    "platform": FieldKind.TEXT,
    "has_device": FieldKind.FLAG,
    "lists": FieldKind.NAMES,  # such as block:device
    **_feature_fields(),
}


def facts_of(event: Event, features: Features, lists: Iterable[ListHit] = ()) -> Facts:
    """Everything rules may ask about an event that has just arrived; None is missing."""
    party, device = event.counterparty, event.device
    told: dict[str, Fact] = {
        "amount": event.amount,
        "currency": event.currency,
        "kind": event.kind.value,
        "channel": event.channel.value,
        "country": event.country or None,
        "counterparty_kind": party.kind.value if party else None,
        "counterparty_category": (party.category or None) if party else None,
        "counterparty_country": (party.country or None) if party else None,
        "ip_country": (device.ip_country or None) if device else None,
        "network": device.network.value if device else None,
        "platform": device.platform.value if device else None,
        "has_device": device is not None,
        "lists": frozenset(hit.name for hit in lists),
    }
    for group in GROUPS:
        values = getattr(features, group)
        for name in values.__slots__:
            value = getattr(values, name)
            told[f"{group}.{name}"] = None if isinstance(value, float) and math.isnan(value) else value
    return told
