"""Which pieces of a record a reason points at, so that a person can look them up."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from riskscore.events import Event
from riskscore.features.windows import DAY_S, HOUR_S, AccountWindow, Entry, counterparty_key, direction, place_of

MOST_EVENTS = 5  # a reason that points at everything points at nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePointer:
    """An event of the record, by the bank's own id, and its field in the form of the API's request."""

    event_id: str
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
        "amount": _point(event, "amount", sorted(alike, key=lambda entry: (-entry.cents, -entry.order))[:1]),
        "counterparty": _point(event, "counterparty", _first(window, lambda e: bool(key) and e.counterparty == key)),
        "device": _point(event, "device", _first(window, lambda e: bool(e.device) and e.device != device)),
        "velocity": _point(event, "amount", (hour or day)[:MOST_EVENTS]),
        "place": _point(event, "country", _first(window, lambda e: bool(e.place) and e.place != here)),
        "timing": _point(event, "occurred_at", _first(window, lambda _: True)),
    }


def _first(window: AccountWindow, fits: Callable[[Entry], bool]) -> list[Entry]:
    return [entry for entry in window.latest() if fits(entry)][:1]


def _point(event: Event, field: str, entries: Iterable[Entry]) -> tuple[EvidencePointer, ...]:
    own = EvidencePointer(event_id=event.id, field=field)
    return (own, *(EvidencePointer(event_id=entry.event_id, field=field) for entry in entries))
