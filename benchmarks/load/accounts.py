"""Accounts whose context is full but for the events that are yet to come."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count, islice

from riskscore.encoding import HISTORY_LIMIT
from riskscore.events import Event
from training.transactions.generator import generate

SEED = 20_261_126
POOL = 40  # lives whose events are told of every account, one life after the other
ROOM = 40  # events that an account has before its history is cut to half


class Accounts:
    """So many accounts: `past` fills their contexts, `next_events` goes on from there, account after account."""

    def __init__(self, *, accounts: int, run: str, now: datetime) -> None:
        """``run`` goes in front of every identifier; the past ends at ``now``."""
        self._names = [f"{run}-{number:06d}" for number in range(accounts)]
        self._events = [item.event for item in generate(accounts=POOL, seed=SEED)]
        self._now = now
        self._ids = count()

    def past(self) -> Iterator[Event]:
        """What is told as history: `HISTORY_LIMIT` less `ROOM` events of each account, in order of time."""
        length = HISTORY_LIMIT - ROOM
        for place in range(length):
            at = self._now - timedelta(minutes=5 * (length - place))
            for name in self._names:
                yield self._event(name, at)

    def next_events(self, total: int) -> Iterator[Event]:
        """Events to be assessed, in turn for each account."""
        for number, event in enumerate(islice(iter(self._forever()), total)):
            yield replace(event, occurred_at=self._now + timedelta(milliseconds=number))

    def _forever(self) -> Iterator[Event]:
        while True:
            for name in self._names:
                yield self._event(name, self._now)

    def _event(self, account: str, at: datetime) -> Event:
        number = next(self._ids)
        drawn = self._events[(number * 7919) % len(self._events)]
        return replace(drawn, id=f"{account}-{number}", account=account, occurred_at=at)
