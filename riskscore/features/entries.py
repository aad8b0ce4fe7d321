"""What a window keeps of one event, as a value and as the bytes that are stored beside the event.

A new event's window is read with every assessment: 440 stored entries take 0.6 ms here, where opening what the
events said took 7 (2026-11-25). So an entry names nobody. Counterparties and devices are the ids of their rows, a
language is a digest, and only what is compared with the new event gets its name back.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from struct import Struct
from typing import NamedTuple, TypeVar

from riskscore.events import Channel, Counterparty, Event, EventKind

OUT_KINDS = frozenset({EventKind.CARD_PAYMENT, EventKind.CASH_WITHDRAWAL, EventKind.TRANSFER_OUT})
IN_KINDS = frozenset({EventKind.TRANSFER_IN, EventKind.DEPOSIT})
PRESENT_CHANNELS = frozenset({Channel.POS, Channel.ATM, Channel.BRANCH})
KINDS = tuple(EventKind)  # stored by place: new ones are added at the end
DIRECTIONS = tuple((kind in OUT_KINDS) - (kind in IN_KINDS) for kind in KINDS)

MICRO = 1_000_000  # log amounts are summed as whole millionths, so that adding and taking away is exact
STORED = Struct("<dqqqIB8s4s2s")  # at, cents, counterparty, device, order, kind, language, category, place
UNNAMED = "\0"  # begins no name that a bank could have told


def direction(kind: EventKind) -> int:
    """+1 money the holder sends, -1 money that arrives, 0 neither (direct debit, login, reversal)."""
    return (kind in OUT_KINDS) - (kind in IN_KINDS)


def place_of(event: Event) -> str:
    """Country where somebody acted: of the terminal if present there, else of the device's address; or ""."""
    if event.channel in PRESENT_CHANNELS:
        return event.country
    return event.device.ip_country if event.device else ""


def log_micro(cents: int) -> int:
    """log(1 + amount) in whole millionths."""
    return round(math.log1p(cents / 100) * MICRO)


def counterparty_key(counterparty: Counterparty | None) -> str:
    """One string for a counterparty within an institution; "" for none."""
    return f"{counterparty.kind}:{counterparty.id}" if counterparty else ""


class Entry(NamedTuple):
    """What a window keeps of one event. Times in epoch seconds, money in cents of the account's currency.

    A tuple, because a window read from storage makes 512 of them: a frozen dataclass takes 2 ms for it.
    """

    at: float
    order: int  # of arrival
    kind: EventKind
    direction: int
    cents: int
    log_micro: int
    counterparty: str
    category: str
    device: str
    language: str
    place: str
    hour: int

    @classmethod
    def of(cls, event: Event, order: int) -> "Entry":
        """The entry of an event that arrived as the ``order``-th of its account."""
        cents = round(event.amount * 100)
        return cls(
            event.occurred_at.timestamp(),
            order,
            event.kind,
            direction(event.kind),
            cents,
            log_micro(cents),
            counterparty_key(event.counterparty),
            event.counterparty.category if event.counterparty else "",
            event.device.id if event.device else "",
            event.device.language if event.device else "",
            place_of(event),
            event.occurred_at.hour,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """How events that arrive now name what stored entries know by their rows' ids: counterparties and devices."""

    counterparties: Mapping[int, str] = field(default_factory=dict)
    devices: Mapping[int, str] = field(default_factory=dict)
    languages: frozenset[str] = frozenset()


def stored_entry(event: Event, *, order: int, counterparty_id: int | None, device_id: int | None) -> bytes:
    """An event's entry, to be stored with it. Ids are above zero, or None where the event names nobody."""
    return STORED.pack(
        event.occurred_at.timestamp(),
        round(event.amount * 100),
        counterparty_id or 0,
        device_id or 0,
        order,
        KINDS.index(event.kind),
        _token(event.device.language if event.device else ""),
        event.counterparty.category.encode() if event.counterparty else b"",
        place_of(event).encode(),
    )


def read_entries(stored: bytes, names: Names) -> list[Entry]:
    """Stored entries, one after the other; equal to `Entry.of` under a renaming of what ``names`` leaves out."""
    counterparties = _Known[int]({0: ""} | dict(names.counterparties))
    devices = _Known[int]({0: ""} | dict(names.devices))
    languages = _Known[bytes]({_token(language): language for language in {"", *names.languages}})
    texts = _Texts()
    return [
        Entry(
            at,
            order,
            KINDS[kind],
            DIRECTIONS[kind],
            cents,
            log_micro(cents),
            counterparties[counterparty],
            texts[category],
            devices[device],
            languages[language],
            texts[place],
            int(at // 3600) % 24,
        )
        for at, cents, counterparty, device, order, kind, language, category, place in STORED.iter_unpack(stored)
    ]


def _token(language: str) -> bytes:
    return blake2b(language.encode(), digest_size=8).digest()


Key = TypeVar("Key", int, bytes)


class _Known(dict[Key, str]):
    """Names by what stands for them; who has none gets one that is nobody's."""

    def __missing__(self, key: Key) -> str:
        name = self[key] = f"{UNNAMED}{key!r}"
        return name


class _Texts(dict[bytes, str]):
    """Short texts without their padding."""

    def __missing__(self, key: bytes) -> str:
        text = self[key] = key.rstrip(b"\0").decode()
        return text
