"""The kinds of work there are. A domain registers its own when Django starts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.jobs.models import Job


BACKOFF_S = 0.5  # three attempts fit a 5 s deadline; 2026-11-23


def doubling_s(attempt: int) -> float:
    """Half a second after the first attempt, and twice as long after every further one.

    >>> [doubling_s(attempt) for attempt in (1, 2, 3)]
    [0.5, 1.0, 2.0]
    """
    return float(BACKOFF_S * 2 ** (attempt - 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """How one kind of work is done, and what becomes of its subject when it is not.

    Attributes:
        name: stored on every job, e.g. ``risk.assessment``.
        task_name: the Celery task that is told of a job; sent by name, so that services import no tasks.
        queue: the Celery queue that task listens to.
        lease_s: how long a worker may hold a job before it counts as lost.
        on_expired: gives the subject its last answer when the work ends without a result, as expired
            or as failed. Runs inside the transaction that ends the job; what it raises undoes the end.
        result_path: address of the result below ``/api/v1``, for the operations page.
        max_attempts: how often a worker may begin before the job is a dead letter.
        open_bound: how many open jobs of it all institutions together may have; None leaves it unbounded,
            as is right for jobs that are promised while another one ends.
        backoff_s: seconds to pause after the n-th attempt failed, counted from 1.
    """

    name: str
    task_name: str
    queue: str
    lease_s: float
    on_expired: "Callable[[Job, datetime], None] | None" = None
    result_path: "Callable[[Job], str] | None" = None
    max_attempts: int = 3
    backoff_s: Callable[[int], float] = doubling_s
    open_bound: int | None = None


class UnknownKindError(LookupError):
    """No installed domain registered this kind."""


_KINDS: dict[str, JobKind] = {}


def register(kind: JobKind) -> None:
    """Make a kind known to this process; saying the same thing twice is harmless.

    Raises:
        ValueError: the name already means something else.
    """
    if _KINDS.setdefault(kind.name, kind) != kind:
        raise ValueError(f"job kind {kind.name!r} is registered twice, differently")


def registered() -> tuple[str, ...]:
    """Names of all kinds, sorted."""
    return tuple(sorted(_KINDS))


def by_queue() -> dict[str, list[str]]:
    """Names of the kinds each queue serves."""
    names: dict[str, list[str]] = {}
    for name in registered():
        names.setdefault(_KINDS[name].queue, []).append(name)
    return names


def get(name: str) -> JobKind:
    """The kind of that name. Raises UnknownKindError."""
    try:
        return _KINDS[name]
    except KeyError:
        raise UnknownKindError(name) from None
