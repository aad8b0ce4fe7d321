"""What is remembered of an account and of a counterparty when the next event arrives.

Both windows are point in time: they know only what arrived before the event that is asked about, and
a label only from the moment somebody knew it.
"""

import math
from bisect import bisect_left, bisect_right, insort
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Self

from riskscore.events import Event, EventKind
from riskscore.features.entries import MICRO, Entry, counterparty_key

WINDOW_LIMIT = 512  # the model's window: what it cannot read is not summarised either
HOUR_S = 3600.0
DAY_S = 86400.0


class Tally:
    """Mean and spread of log amounts, exact under adding and taking away."""

    __slots__ = ("count", "square", "total")

    def __init__(self) -> None:
        self.count = self.total = self.square = 0

    def add(self, log_micro: int, sign: int) -> None:
        """Count an amount in (+1) or out again (-1)."""
        self.count += sign
        self.total += sign * log_micro
        self.square += sign * log_micro * log_micro

    def add_all(self, log_micros: Sequence[int]) -> None:
        """Count many amounts in."""
        self.count += len(log_micros)
        self.total += sum(log_micros)
        self.square += sum(value * value for value in log_micros)

    @property
    def mean(self) -> float | None:
        """Mean of log(1 + amount); None for no amounts."""
        return self.total / self.count / MICRO if self.count else None

    @property
    def spread(self) -> float | None:
        """Standard deviation of log(1 + amount); None for no amounts."""
        if not self.count:
            return None
        variance = self.square * self.count - self.total * self.total  # exact, whole numbers
        return math.sqrt(variance) / self.count / MICRO


class AccountWindow:
    """The last ``limit`` events of one account in arrival order, with counters kept up to date.

    A window that grew event by event equals one rebuilt from the stored events: nothing in it depends
    on what has left it. A late event takes its place by arrival here and by time in `between`.
    """

    def __init__(self, events: Iterable[Event] = (), *, limit: int = WINDOW_LIMIT) -> None:
        self.limit = limit
        self.entries: deque[Entry] = deque()
        self.amounts = {1: Tally(), -1: Tally(), 0: Tally()}
        self.counterparties: dict[str, deque[Entry]] = {}
        self.devices: dict[str, deque[Entry]] = {}
        self.senders: Counter[str] = Counter()
        self.categories: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.places: Counter[str] = Counter()
        self.hours: Counter[int] = Counter()
        self._times: list[tuple[float, int]] = []
        self._by_time: list[Entry] = []
        self._arrivals = 0
        for event in events:
            self.append(event)

    @classmethod
    def of(cls, entries: Sequence[Entry]) -> Self:
        """The window that remembered these entries, one after the other, in their order; at most `WINDOW_LIMIT`.

        Counted column by column: 440 entries take 0.4 ms instead of 1.6 (2026-11-25).
        """
        window = cls()
        window.entries.extend(entries)
        window._arrivals = entries[-1].order + 1 if entries else 0
        window._by_time = sorted(entries, key=itemgetter(0, 1))  # at, order
        window._times = [(entry.at, entry.order) for entry in window._by_time]
        for entry in entries:
            if entry.counterparty:
                window.counterparties.setdefault(entry.counterparty, deque()).append(entry)
            if entry.device:
                window.devices.setdefault(entry.device, deque()).append(entry)
        for way, tally in window.amounts.items():
            tally.add_all([entry.log_micro for entry in entries if entry.direction == way])
        window.hours.update(entry.hour for entry in entries)
        window.categories.update(entry.category for entry in entries if entry.category)
        window.languages.update(entry.language for entry in entries if entry.language)
        window.places.update(entry.place for entry in entries if entry.place)
        window.senders.update(entry.counterparty for entry in entries if entry.direction < 0 and entry.counterparty)
        return window

    def __len__(self) -> int:
        return len(self.entries)

    def append(self, event: Event) -> None:
        """Remember an event as the latest to arrive; the oldest leaves a full window."""
        self.remember(Entry.of(event, self._arrivals))

    def remember(self, entry: Entry) -> None:
        """What `append` does, for an entry read from storage; its order is the count of those before it."""
        self._arrivals += 1
        if len(self.entries) == self.limit:
            self._leave(self.entries.popleft())
        self.entries.append(entry)
        index = bisect_left(self._times, (entry.at, entry.order))
        self._times.insert(index, (entry.at, entry.order))
        self._by_time.insert(index, entry)
        for seen, key in ((self.counterparties, entry.counterparty), (self.devices, entry.device)):
            if key:
                seen.setdefault(key, deque()).append(entry)
        self._count(entry, 1)

    def _leave(self, entry: Entry) -> None:
        index = bisect_left(self._times, (entry.at, entry.order))
        del self._times[index], self._by_time[index]
        for seen, key in ((self.counterparties, entry.counterparty), (self.devices, entry.device)):
            if key:
                seen[key].popleft()
                if not seen[key]:
                    del seen[key]
        self._count(entry, -1)

    def _count(self, entry: Entry, sign: int) -> None:
        self.amounts[entry.direction].add(entry.log_micro, sign)
        self.hours[entry.hour] += sign
        for counter, key in (
            (self.categories, entry.category),
            (self.languages, entry.language),
            (self.places, entry.place),
            (self.senders, entry.counterparty if entry.direction < 0 else ""),
        ):
            if key:
                counter[key] += sign
                if not counter[key]:
                    del counter[key]

    def between(self, start: float, end: float) -> list[Entry]:
        """Entries with start < at <= end, oldest first by time."""
        first = bisect_right(self._times, (start, self._arrivals))
        return self._by_time[first : bisect_right(self._times, (end, self._arrivals))]

    def latest(self) -> Iterator[Entry]:
        """Entries from the last to arrive to the first."""
        return reversed(self.entries)

    @property
    def span(self) -> tuple[float, float]:
        """Earliest and latest time in the window. Raises IndexError if it is empty."""
        return self._times[0][0], self._times[-1][0]

    @property
    def home(self) -> str:
        """The country seen most often, the later name on a tie; "" before any was seen."""
        return max(self.places, key=lambda place: (self.places[place], place), default="")


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterpartyStats:
    """What an institution knew of one counterparty when an event arrived there.

    Let ``t`` be the event's ``occurred_at`` and the counterparty its (kind, id). Counted are events of
    every account of the institution, the event's own account included, with that counterparty, stored
    before the event, of any kind but REVERSAL and LOGIN, the event itself never:

    Attributes:
        count_24h, count_7d, count_28d: those with ``t - span < occurred_at <= t``.
        accounts_24h: different accounts among those of the last 24 hours.
        frauds_28d: labels of fraud on events there that became known in ``(t - 28 d, t]``.
        mean_amount: mean amount over the last 28 days; None if there are none.
        age_days: days from the earliest ``occurred_at`` there, however long ago, to ``t``, never negative;
            None if the counterparty is new to the institution.
    """

    count_24h: int = 0
    count_7d: int = 0
    count_28d: int = 0
    accounts_24h: int = 0
    frauds_28d: int = 0
    mean_amount: float | None = None
    age_days: float | None = None


class _Visits:
    """Everything one counterparty saw in the last weeks, by time."""

    __slots__ = ("first_at", "known_at", "visits")

    def __init__(self) -> None:
        self.visits: list[tuple[float, str, int]] = []
        self.known_at: list[float] = []
        self.first_at = math.inf


class CounterpartyWindow:
    """`CounterpartyStats` kept up to date event by event, for streams in time order.

    Serving reads the same figures with SQL. Events up to a week late are counted exactly.
    """

    _KEPT_S = 36 * DAY_S

    def __init__(self) -> None:
        self._seen: dict[str, _Visits] = {}

    def stats(self, event: Event) -> CounterpartyStats | None:
        """What was known of the event's counterparty before the event; None if it has none."""
        key = counterparty_key(event.counterparty)
        if not key:
            return None
        seen = self._seen.get(key)
        if seen is None:
            return CounterpartyStats()
        t = event.occurred_at.timestamp()
        end = bisect_right(seen.visits, (t, "\U0010ffff", 0))
        day, week, month = (bisect_right(seen.visits, (t - d * DAY_S, "\U0010ffff", 0)) for d in (1, 7, 28))
        cents = sum(visit[2] for visit in seen.visits[month:end])
        return CounterpartyStats(
            count_24h=end - day,
            count_7d=end - week,
            count_28d=end - month,
            accounts_24h=len({visit[1] for visit in seen.visits[day:end]}),
            frauds_28d=bisect_right(seen.known_at, t) - bisect_right(seen.known_at, t - 28 * DAY_S),
            mean_amount=cents / 100 / (end - month) if end > month else None,
            age_days=max(0.0, t - seen.first_at) / DAY_S if seen.first_at < math.inf else None,
        )

    def append(self, event: Event) -> None:
        """Remember an event; one without a counterparty, a reversal or a login changes nothing."""
        key = counterparty_key(event.counterparty)
        if not key or event.kind in (EventKind.REVERSAL, EventKind.LOGIN):
            return
        seen = self._seen.setdefault(key, _Visits())
        t = event.occurred_at.timestamp()
        insort(seen.visits, (t, event.account, round(event.amount * 100)))
        seen.first_at = min(seen.first_at, t)
        if seen.visits[0][0] < t - 2 * self._KEPT_S:  # now and then, not each time
            del seen.visits[: bisect_left(seen.visits, (t - self._KEPT_S, "", 0))]

    def report(self, event: Event, *, known_at: float) -> None:
        """Remember that the event turned out to be fraud, as known from ``known_at``, epoch seconds."""
        key = counterparty_key(event.counterparty)
        if key:
            insort(self._seen.setdefault(key, _Visits()).known_at, known_at)
