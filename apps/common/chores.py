"""What is done again and again without anybody asking: sealing, purging, retention.

An app registers its chores when Django starts; the reconciler's process runs them, beside its own work
and needing PostgreSQL alone. Of several processes one runs a chore at a time.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.db import connection

logger = structlog.get_logger(__name__)

LOCK_SPACE = 0x0A55A7  # first half of the advisory locks' numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """Something to do every so often.

    Attributes:
        run: does it once, for all institutions; safe to repeat and to break off.
    """

    name: str
    every_s: float
    run: Callable[[datetime], None]


_CHORES: dict[str, Chore] = {}


def register(chore: Chore) -> None:
    """Make a chore known to this process. Raises ValueError if its name already means something else."""
    if _CHORES.setdefault(chore.name, chore) != chore:
        raise ValueError(f"chore {chore.name!r} is registered twice, differently")


def registered() -> tuple[Chore, ...]:
    """All chores, by name."""
    return tuple(_CHORES[name] for name in sorted(_CHORES))


class Rota:
    """Runs each chore when its time has come. One per process."""

    def __init__(self, chores: tuple[Chore, ...]) -> None:
        self._chores = chores
        self._due: dict[str, float] = {}

    def run_due(self, *, monotonic_s: float, now: datetime) -> float:
        """Run what is due.

        Returns:
            Seconds until the next is.
        """
        for chore in self._chores:
            if self._due.get(chore.name, 0.0) <= monotonic_s:
                self._due[chore.name] = monotonic_s + chore.every_s
                run_alone(chore, now=now)
        return max(0.05, min((due - monotonic_s for due in self._due.values()), default=60.0))


def run_alone(chore: Chore, *, now: datetime) -> bool:
    """Run a chore unless another process is at it. Returns whether it ran to its end."""
    number = zlib.crc32(chore.name.encode()) - 2**31
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [LOCK_SPACE, number])
        if not cursor.fetchone()[0]:
            return False
        try:
            chore.run(now)
        except Exception:  # an app's own code; one that fails must not hold up the rest
            logger.exception("chore_failed", chore=chore.name)
            return False
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [LOCK_SPACE, number])
    return True
