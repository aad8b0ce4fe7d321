"""Counting in a sliding window, exactly: never more than the quota in any window, wherever it begins.

Time is cut into slices, a twelfth of the window each. A slice counts until the whole window has passed since
its end, so a count is at most a twelfth of a window late in leaving, and never early. Twelve numbers per
caller are kept, whatever the quota.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

SLICES = 12
MOST_KEYS = 10_000  # callers one process remembers while Redis is away: some megabytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """So much for one caller in any window of time.

    Attributes:
        name: as the headers show it.
        key: whose count it is; identifiers only.
    """

    name: str
    key: str
    quota: int
    window_s: int

    @property
    def slice_ms(self) -> int:
        """Length of a slice."""
        return max(1, self.window_s * 1000 // SLICES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How one policy stands after a request.

    Attributes:
        wait_ms: until this request would have been counted; 0 if it was.
        reset_ms: until some of what is used comes back; 0 if nothing is used.
    """

    policy: Policy
    used: int
    wait_ms: int
    reset_ms: int


class Window(Protocol):
    """Where counts are kept."""

    def spend(self, policies: Sequence[Policy], cost: int) -> list[Count]:
        """Count ``cost`` against every policy, or against none if one of them has no room for it."""


class LocalWindow:
    """Counts of this process alone. Safe from any thread; the reference for the script in Redis."""

    def __init__(self, *, clock: Callable[[], float]) -> None:
        """``clock`` gives seconds that never go back."""
        self._clock = clock
        self._slices: dict[str, dict[int, int]] = {}
        self._lock = threading.Lock()

    def spend(self, policies: Sequence[Policy], cost: int) -> list[Count]:
        """See `Window`."""
        with self._lock:
            now_ms = int(self._clock() * 1000)
            waits = [_wait_ms(self._live(policy, now_ms), policy, cost, now_ms) for policy in policies]
            if not any(waits):
                for policy in policies:
                    slices = self._slices.setdefault(policy.key, {})
                    current = now_ms // policy.slice_ms
                    slices[current] = slices.get(current, 0) + cost
            return [
                _count(self._live(policy, now_ms), policy, wait_ms, now_ms)
                for policy, wait_ms in zip(policies, waits, strict=True)
            ]

    def _live(self, policy: Policy, now_ms: int) -> dict[int, int]:
        if len(self._slices) > MOST_KEYS:
            del self._slices[next(iter(self._slices))]
        slices = self._slices.get(policy.key, {})
        oldest = now_ms // policy.slice_ms - SLICES
        for number in [number for number in slices if number < oldest]:
            del slices[number]
        return slices


def _wait_ms(slices: dict[int, int], policy: Policy, cost: int, now_ms: int) -> int:
    used = sum(slices.values())
    for number in sorted(slices):
        if used + cost <= policy.quota:
            break
        used -= slices[number]
        if used + cost <= policy.quota:
            return (number + SLICES + 1) * policy.slice_ms - now_ms
    return 0 if used + cost <= policy.quota else (SLICES + 1) * policy.slice_ms


def _count(slices: dict[int, int], policy: Policy, wait_ms: int, now_ms: int) -> Count:
    reset_ms = (min(slices) + SLICES + 1) * policy.slice_ms - now_ms if slices else 0
    return Count(policy=policy, used=sum(slices.values()), wait_ms=wait_ms, reset_ms=reset_ms)
