"""What a run under load came to."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tests.chaos.overload.site import Site, Told, percentile, resident_mb, told

REFUSALS = (429, 503)
TAKEN = (200, 201, 202)


@dataclass(frozen=True, kw_only=True)
class Overload:
    """Ten times what can be done.

    Attributes:
        capacity: scored a second by as many clients as help, each waiting for its answer.
        goodput: scored a second while ten times as many asked.
        refused: requests answered 429 or 503 with Retry-After.
        astray: requests with any other answer but a result or a promise, or with none.
        refused_p99_ms: from when they were due.
        growth_mb: of the web process.
        recovery_s: from the last request that was due to the first that is answered as on an idle day.
    """

    capacity: float
    goodput: float
    refused: int
    astray: int
    refused_p99_ms: float
    growth_mb: float
    recovery_s: float

    @property
    def holds(self) -> bool:
        """Whether the promises were kept."""
        return (
            self.goodput >= 0.9 * self.capacity
            and self.refused > 0
            and self.astray == 0
            and self.refused_p99_ms <= 100
            and self.growth_mb <= 100
            and self.recovery_s <= 5
        )

    def __str__(self) -> str:
        return figures(self)


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """A noisy institution beside a quiet one.

    Attributes:
        success: share of the quiet one's requests that the model answered.
        p99_ms: of the quiet one's requests, beside the noisy one; ``idle_p99_ms``: alone.
    """

    success: float
    p99_ms: float
    idle_p99_ms: float
    noisy_scored: float

    def __str__(self) -> str:
        return figures(self)


def figures(of: Overload | Neighbours) -> str:
    """All of them in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in asdict(of).items())


def capacity(site: Site, key: str, *, seconds: float, clients: int = 20) -> float:
    """Assessments the model answers a second, when so many clients keep asking."""
    begun = time.time()
    told(site.send(key, "capacity", seconds=seconds, clients=clients))
    return site.scored(begun + 1, begun + seconds) / (seconds - 1)


def overload(site: Site, key: str, *, web_pid: int, capacity: float, seconds: float, prefer: str) -> Overload:
    """Send ten times the capacity for so long, and look."""
    before_mb = resident_mb(web_pid)
    rate = 10 * capacity
    sending = site.send(key, "flood", seconds=seconds, rate=rate, prefer=prefer)
    answers = told(sending)
    first, last = answers[0].due_at, max(answer.due_at for answer in answers)
    growth_mb = resident_mb(web_pid) - before_mb
    refused = [answer for answer in answers if answer.status in REFUSALS and answer.retry_after]
    return Overload(
        capacity=capacity,
        goodput=site.scored(first + 2, last) / (last - first - 2),
        refused=len(refused),
        astray=len(answers) - len(refused) - sum(answer.status in TAKEN for answer in answers),
        refused_p99_ms=percentile([answer.ms for answer in refused], 0.99),
        growth_mb=growth_mb,
        recovery_s=_recovery_s(site, key, since=last),
    )


def neighbours(site: Site, noisy: str, quiet: str, *, capacity: float, seconds: float, prefer: str) -> Neighbours:
    """One sends ten times the capacity, the other a tenth of it."""
    alone = told(site.send(quiet, "alone", seconds=max(10.0, seconds / 4), rate=0.1 * capacity))
    begun = time.time()
    sending = site.send(noisy, "noise", seconds=seconds, rate=10 * capacity, prefer=prefer)
    beside = told(site.send(quiet, "quiet", seconds=seconds, rate=0.1 * capacity))
    told(sending)
    return Neighbours(
        success=sum(answer.scored for answer in beside) / len(beside),
        p99_ms=_p99_ms(beside),
        idle_p99_ms=_p99_ms(alone),
        noisy_scored=site.scored(begun, begun + seconds) / seconds,
    )


def _p99_ms(answers: Sequence[Told]) -> float:
    return percentile([answer.ms for answer in answers], 0.99)


def _recovery_s(site: Site, key: str, *, since: float) -> float:
    """Until an assessment is answered by the model within half a second again, asked ten times a second."""
    after = told(site.send(key, f"after-{since}", seconds=15, rate=5))
    well = [answer.due_at for answer in after if answer.scored and answer.ms < 500]
    return min(well, default=since + 60) - since
