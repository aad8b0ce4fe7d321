"""Counterparty figures over many events at once, in whatever order they happened.

`riskscore.querysets.counterparty_stats` asks Postgres the same for one event; for a backfill the
visits are read once and counted here.
"""

import math
from bisect import bisect_right, insort
from dataclasses import dataclass, field

from riskscore.features.windows import DAY_S, CounterpartyStats

LAST = "\U0010ffff"  # sorts after every account


@dataclass(slots=True)
class Visits:
    """What one counterparty saw: (epoch seconds, account, cents) by time, and when frauds became known."""

    visits: list[tuple[float, str, int]] = field(default_factory=list)
    known_at: list[float] = field(default_factory=list)
    first_at: float = math.inf

    def add(self, at: float, account: str, cents: int) -> None:
        """Count one more event there."""
        insort(self.visits, (at, account, cents))
        self.first_at = min(self.first_at, at)

    def stats(self, at: float) -> CounterpartyStats:
        """What is known at a moment, of what was added so far."""
        end, day, week, month = (self._until(at - days * DAY_S) for days in (0, 1, 7, 28))
        cents = sum(visit[2] for visit in self.visits[month:end])
        return CounterpartyStats(
            count_24h=end - day,
            count_7d=end - week,
            count_28d=end - month,
            accounts_24h=len({visit[1] for visit in self.visits[day:end]}),
            frauds_28d=bisect_right(self.known_at, at) - bisect_right(self.known_at, at - 28 * DAY_S),
            mean_amount=cents / 100 / (end - month) if end > month else None,
            age_days=max(0.0, at - self.first_at) / DAY_S if self.first_at < math.inf else None,
        )

    def _until(self, at: float) -> int:
        return bisect_right(self.visits, (at, LAST, 0))
