"""Which pieces of a record a reason points at, so that a person can look them up."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice

from riskscore.events import Event
from riskscore.features.entries import Entry, counterparty_key, direction, place_of
from riskscore.features.windows import DAY_S, HOUR_S, AccountWindow

MOST_EVENTS = 5  # a reason that points at everything points at nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePointer:
    """An event of the record and its field, in the form of the API's request.

    Attributes:
        order: the event's place in its account's order of arrival; None for the event that is assessed.
    """

    order: int | None
    field: str


def evidence(event: Event, window: AccountWindow) -> Mapping[str, tuple[EvidencePointer, ...]]:
    """For every group of features, the new event's field and the earlier events it was compared with.

    Earlier events come latest first, at most five of them. The window is the account's before the event.
    """
    t = event.occurred_at.timestamp()
    key = counterparty_key(event.counterparty)
    device = event.device.id if event.device else ""
    here, way = place_of(event), direction(event.kind)
    hour = [entry for entry in reversed(window.between(t - HOUR_S, t)) if entry.direction]
    day = [entry for entry in reversed(window.between(t - DAY_S, t)) if entry.direction]
    alike = [entry for entry in window.latest() if entry.direction == way and way]
    return {
        "amount": _point("amount", sorted(alike, key=lambda entry: (entry.cents, entry.order))[-1:]),
        "counterparty": _point("counterparty", _first(window, lambda e: bool(key) and e.counterparty == key)),
        "device": _point("device", _first(window, lambda e: bool(e.device) and e.device != device)),
        "velocity": _point("amount", (hour or day)[:MOST_EVENTS]),
        "place": _point("country", _first(window, lambda e: bool(e.place) and e.place != here)),
        "timing": _point("occurred_at", _first(window, lambda _: True)),
    }


def _first(window: AccountWindow, fits: Callable[[Entry], bool]) -> list[Entry]:
    return list(islice(filter(fits, window.latest()), 1))


def _point(field: str, entries: Iterable[Entry]) -> tuple[EvidencePointer, ...]:
    own = EvidencePointer(order=None, field=field)
    return (own, *(EvidencePointer(order=entry.order, field=field) for entry in entries))
