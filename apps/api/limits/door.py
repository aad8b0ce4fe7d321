"""Who is inside: bounds on the requests that one process answers at the same time."""

import threading
from collections.abc import Callable
from enum import StrEnum

from apps.api.limits.shares import has_room

MOST_KNOWN = 10_000
MOST_REMEMBERED = 10_000


class Reason(StrEnum):
    """Why a request was refused."""

    FULL = "process_full"
    SHARE = "share_exceeded"
    REPEATED = "refused_just_now"
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


class Memory:
    """What was refused a moment ago, so that the same again costs nothing. Forgets by itself."""

    def __init__(self, *, longest_s: float, clock: Callable[[], float]) -> None:
        self._longest_s = longest_s
        self._clock = clock
        self._until: dict[tuple[str, ...], float] = {}

    def refused(self, what: tuple[str, ...], *, retry_after_s: float) -> None:
        """Remember a refusal until trying again could help, and no longer than the longest."""
        if len(self._until) >= MOST_REMEMBERED:
            self._until.clear()
        self._until[what] = self._clock() + min(retry_after_s, self._longest_s)

    def refuses(self, what: tuple[str, ...]) -> bool:
        """Whether the same was refused a moment ago."""
        until = self._until.get(what)
        if until is None:
            return False
        if self._clock() < until:
            return True
        self._until.pop(what, None)
        return False
