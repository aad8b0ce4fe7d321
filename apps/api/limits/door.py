"""Who is inside: bounds on the requests that one process answers at the same time."""

import math
import threading
from collections.abc import Callable, Hashable
from enum import StrEnum

from apps.api.limits.shares import has_room

MOST_KNOWN = 10_000
MOST_SORTS = 10_000
OVERSHOOT = 1.2  # requests that try for each slot of a full queue: it stays full, and one try in six is in vain
PROBES_A_SECOND = 2.0
FORGOTTEN = 0.01


class Reason(StrEnum):
    """Why a request was refused."""

    FULL = "process_full"
    SHARE = "share_exceeded"
    THROTTLED = "mostly_refused"
    RATE = "rate_limited"


class Door:
    """Counts who is inside, as a whole and by party. Safe from any thread.

    Invariant: the total is the sum over all parties, and a party that is not inside is not counted.
    """

    def __init__(self, bound: int) -> None:
        self._bound = bound
        self._total = 0
        self._inside: dict[str, int] = {}
        self._lock = threading.Lock()

    def enter(self, party: str) -> Reason | None:
        """Let one more in. Returns why not, or None if it is inside now."""
        with self._lock:
            mine = self._inside.get(party, 0)
            if self._total >= self._bound:
                return Reason.FULL
            if not has_room(mine=mine, total=self._total, bound=self._bound):
                return Reason.SHARE
            self._inside[party] = mine + 1
            self._total += 1
            return None

    def leave(self, party: str) -> None:
        """Let one out."""
        with self._lock:
            self._total -= 1
            left = self._inside[party] - 1
            if left:
                self._inside[party] = left
            else:
                del self._inside[party]

    @property
    def total(self) -> int:
        """How many are inside."""
        return self._total


class Throttle:
    """Holds back what is mostly refused further in, so that refusing costs little. Safe from any thread.

    Of the requests of one sort that it lets pass, about one in six may be refused: enough to hear when there is
    room again, and to fill it. So passes come to 1.2 times what is accepted, and to two a second where nothing
    is. Counts fade with a time constant of a second; what is not answered yet counts as accepted.
    """

    def __init__(self, *, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sorts: dict[Hashable, _Fading] = {}
        self._lock = threading.Lock()

    def passes(self, sort: Hashable) -> bool:
        """Whether to let one more of a sort pass; counts it if so. Free for a sort that was never refused."""
        if sort not in self._sorts:
            return True
        with self._lock:
            seen = self._sorts.get(sort)
            if seen is None:
                return True
            seen.fade(self._clock())
            if seen.refused * OVERSHOOT >= (OVERSHOOT - 1) * seen.passed + PROBES_A_SECOND:
                return False
            seen.passed += 1
            if seen.refused < FORGOTTEN:
                del self._sorts[sort]
            return True

    def knows(self, sort: Hashable) -> bool:
        """Whether requests of a sort were refused lately."""
        return sort in self._sorts

    def refused(self, sort: Hashable) -> None:
        """One that passed was refused further in."""
        with self._lock:
            if len(self._sorts) >= MOST_SORTS:
                self._sorts.clear()
            seen = self._sorts.setdefault(sort, _Fading(self._clock()))
            seen.fade(self._clock())
            seen.refused += 1


class _Fading:
    """Two counts that halve every 0.7 s."""

    __slots__ = ("at_s", "passed", "refused")

    def __init__(self, at_s: float) -> None:
        self.at_s = at_s
        self.passed = self.refused = 0.0

    def fade(self, now_s: float) -> None:
        factor = math.exp(self.at_s - now_s)
        self.passed *= factor
        self.refused *= factor
        self.at_s = now_s
