"""Refusals of callers whom nobody knows: in the trail of the installation, and no lever for who sends them.

Anybody can be refused a million times, so not every refusal becomes a row. The first of a network is written at
once; those that follow within `WINDOW_S` are counted, and the count is written with the network's next one.
All networks together write at most `MOST_EVENTS` in that time, and what exceeds it is counted under one name.
A count lives in its process, and ends with it; the log has a line for each.
"""

import ipaddress
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from apps.audit.models import AuditEvent
from apps.audit.services import Subject, record
from apps.common import context

WINDOW_S = 60.0
MOST_EVENTS = 60  # a window, and process
MOST_KNOWN = 10_000
OTHERS = "others"
UNKNOWN = "unknown"  # the actor


@dataclass(slots=True)
class _Network:
    until: float
    unwritten: int = 0


class Coalescer:
    """Says of each refusal whether it is written now, and for how many. Safe from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._networks: dict[tuple[str, str], _Network] = {}
        self._written = 0
        self._window_ends = 0.0
        self._lock = threading.Lock()

    def counted(self, network: str, code: str) -> int:
        """How many refusals to write one event for now; 0 if this one is only counted."""
        with self._lock:
            now = self._clock()
            if now >= self._window_ends:
                self._written, self._window_ends = 0, now + WINDOW_S
            place = (network, code)
            if place not in self._networks and (self._written >= MOST_EVENTS or len(self._networks) >= MOST_KNOWN):
                place = (OTHERS, "")
            return self._count(place, now)

    def _count(self, place: tuple[str, str], now: float) -> int:
        known = self._networks.setdefault(place, _Network(until=now))
        known.unwritten += 1
        if now < known.until or self._written >= MOST_EVENTS:
            return 0
        count, known.unwritten, known.until = known.unwritten, 0, now + WINDOW_S
        self._written += 1
        self._forget(now)
        return count

    def _forget(self, now: float) -> None:
        """Drop networks that have been silent since their last event."""
        if len(self._networks) >= MOST_KNOWN:
            kept = {place: known for place, known in self._networks.items() if known.until > now or known.unwritten}
            self._networks = kept


coalescer = Coalescer()


def note(*, code: str, subject: Subject, now: datetime, action: str = "access.refused") -> AuditEvent | None:
    """Note that somebody who did not prove who they are was refused something.

    Call it outside of a transaction that will be rolled back.

    Args:
        code: why, e.g. ``key_refused``; one of a few, since each is counted for itself.

    Returns:
        The event, or None if this refusal was only counted.
    """
    count = coalescer.counted(network_of(context.address()), code)
    if not count:
        return None
    return record(
        actor=UNKNOWN,
        action=action,
        institution=None,
        subject=subject,
        now=now,
        outcome=AuditEvent.Outcome.REFUSED,
        details={"code": code, "count": count},
    )


def network_of(address: str) -> str:
    """What one sender usually has to itself: an IPv4 address, or the first half of an IPv6 address.

    >>> network_of("192.0.2.7"), network_of("2001:db8::7"), network_of("")
    ('192.0.2.7', '2001:db8::', 'none')
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "none"
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(ipaddress.IPv6Network((parsed, 64), strict=False).network_address)
