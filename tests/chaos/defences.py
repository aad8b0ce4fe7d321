"""Defences, taken away one at a time for the control arms: what they prevent must then happen."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Q


def without_fence() -> None:
    """Whoever comes last writes, whether or not it still holds the job."""
    from apps.jobs import services
    from apps.jobs.models import Job

    def move(claim: services.Claim, also: Q | None = None, **changes: Any) -> None:
        Job.objects.filter(pk=claim.job_id).update(**changes)

    services._move_held = move


def without_attempts() -> None:
    """A job that was lost is queued again for ever."""
    from apps.jobs import services
    from apps.jobs.models import Job

    def give_back(*, job_id: Any, fence: int, error_code: str, next_attempt_at: datetime, now: datetime) -> Job.Status:
        held = Job.objects.filter(pk=job_id, status=Job.Status.RUNNING, fence=fence)
        held.update(status=Job.Status.QUEUED, lease_until=None, attempts=0, next_attempt_at=next_attempt_at)
        return Job.Status.QUEUED

    services.give_back = give_back


def without_idempotency() -> None:
    """A key says nothing."""
    from apps.api import idempotency

    idempotency._once = lambda handler: handler


def without_gate() -> None:
    """Every request reaches Django, however many are there already."""
    from apps.api.limits import gate

    module: Any = gate
    module.Gate = lambda application, **_bounds: application


def without_admission() -> None:
    """Every job is promised, whether or not it can be done in time."""
    from apps.jobs import admission

    admission.admit = lambda **_asked: None


def without_watchdog() -> None:
    """A step that hangs is never noticed."""
    from inference.engine.watchdog import Watchdog

    Watchdog.begin = lambda _watchdog: None  # type: ignore[method-assign, assignment]


TAKEN_AWAY: dict[str, Callable[[], None]] = {
    "fence": without_fence,
    "attempts": without_attempts,
    "idempotency": without_idempotency,
    "gate": without_gate,
    "admission": without_admission,
    "watchdog": without_watchdog,
}
