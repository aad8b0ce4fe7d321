"""The accounts of the demo: pasts to be told as history, and the events that are to be assessed.

They come from the generator that training uses, with a seed that training does not use.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from riskscore.anomalies import AnomalyType
from riskscore.events import Event
from training.transactions.generator import LabelledEvent, generate

SEED = 20_261_124
ACCOUNTS = 300  # lives to pick from; generated in 4 s (2026-11-23)
ACCOUNTS_OF_A_TYPE = 2
HONEST_ACCOUNTS = 22
LONGEST_PAST = 160  # events; the model reads up to 480
BEFORE, AFTER = 2, 9  # events assessed before an attack begins, and from then on
ASSESSED_OF_AN_HONEST = 6
SHORTEST_PAST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account of the demo: what is told first, and what is then assessed, each in the order of arrival."""

    past: Sequence[Event]
    assessed: Sequence[LabelledEvent]


def accounts(*, run: str, now: datetime) -> list[Account]:
    """The demo's accounts, the same in every run but for their names and their dates.

    Args:
        run: goes in front of every identifier, so that a second demo tells of new accounts.
        now: the latest event is moved to the week before it.
    """
    lives = _by_account(generate(accounts=ACCOUNTS, seed=SEED))
    latest = max(item.event.occurred_at for life in lives for item in life)
    weeks = timedelta(weeks=(now - latest) // timedelta(weeks=1))
    return [_moved(account, run=run, by=weeks) for account in _chosen(lives)]


def as_json(event: Event) -> dict[str, Any]:
    """The event as the REST interface takes it; what is empty is left out."""
    told = {name: value for name, value in asdict(event).items() if value not in ("", None)}
    return told | {"amount": str(event.amount), "occurred_at": event.occurred_at.astimezone(UTC).isoformat()}


def _by_account(events: Iterable[LabelledEvent]) -> list[list[LabelledEvent]]:
    lives: dict[str, list[LabelledEvent]] = defaultdict(list)
    for item in events:
        lives[item.event.account].append(item)
    return [lives[name] for name in sorted(lives)]


def _chosen(lives: Sequence[Sequence[LabelledEvent]]) -> list[Account]:
    """A few accounts of every anomaly type, and honest ones."""
    wanted = dict.fromkeys(AnomalyType, ACCOUNTS_OF_A_TYPE) | {AnomalyType.NONE: HONEST_ACCOUNTS}
    chosen = []
    for life in lives:
        start = next((n for n, item in enumerate(life) if item.anomaly is not AnomalyType.NONE), None)
        kind = AnomalyType.NONE if start is None else life[start].anomaly
        first = len(life) - ASSESSED_OF_AN_HONEST if start is None else start - BEFORE
        if first >= SHORTEST_PAST and wanted[kind]:
            wanted[kind] -= 1
            past = [item.event for item in life[max(0, first - LONGEST_PAST) : first]]
            chosen.append(Account(past=past, assessed=life[first : first + BEFORE + AFTER]))
    return chosen


def _moved(account: Account, *, run: str, by: timedelta) -> Account:
    return Account(
        past=[_renamed(event, run=run, by=by) for event in account.past],
        assessed=[replace(item, event=_renamed(item.event, run=run, by=by)) for item in account.assessed],
    )


def _renamed(event: Event, *, run: str, by: timedelta) -> Event:
    return replace(event, id=f"{run}-{event.id}", account=f"{run}-{event.account}", occurred_at=event.occurred_at + by)
