"""When a message is tried again, and how long a failing receiver is left in peace."""

from random import Random
from uuid import UUID

# The example schedule of Standard Webhooks 1.0.0: ten attempts, the last 75.6 hours after the first.
RETRIES_S = (5, 5 * 60, 30 * 60, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
MOST_ATTEMPTS = 1 + len(RETRIES_S)
JITTER = 0.1  # of a pause, either way: what failed together comes back apart
FIRST_HOLD_S, LONGEST_HOLD_S = 5.0, 300.0


def retry_s(attempt: int, *, jitter_of: UUID) -> float:
    """Seconds to pause after the n-th attempt failed, counted from 1.

    Args:
        jitter_of: what the deviation is drawn from, so that the same attempt is always due at the same moment.
    """
    pause_s = RETRIES_S[min(attempt, len(RETRIES_S)) - 1]
    deviation = Random(f"{jitter_of}:{attempt}").uniform(-JITTER, JITTER)
    return pause_s * (1.0 + deviation)


def plain_retry_s(attempt: int) -> float:
    """The same without deviation, for attempts that were cut short by a worker's own fault."""
    return float(RETRIES_S[min(attempt, len(RETRIES_S)) - 1])


def hold_s(failures: int) -> float:
    """Seconds during which nothing is sent to a receiver that failed so many times in a row.

    >>> [hold_s(failures) for failures in (1, 2, 7, 50)]
    [5.0, 10.0, 300.0, 300.0]
    """
    return float(min(LONGEST_HOLD_S, FIRST_HOLD_S * 2 ** min(failures - 1, 16)))
