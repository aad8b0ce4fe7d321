"""What keeps the promise when messages, workers or Redis are lost. Needs PostgreSQL alone.

Several may run at once: each row is taken with SKIP LOCKED and moved by compare-and-set.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

import structlog
from django.db import OperationalError, transaction
from django.db.models import F, Min, Q, QuerySet
from django.db.models.functions import Greatest, Least

from apps.jobs import kinds, publishing, services
from apps.jobs.models import LEASE_EXPIRED, Job

logger = structlog.get_logger(__name__)

Outcome = TypeVar("Outcome")

BATCH = 50  # rows one transaction holds: about 0.1 s; 2026-11-23
PUBLISH_BATCH = 500
REPUBLISH_S = 2.0  # an idle worker claims within 0.02 s; 2026-11-23
REPUBLISH_MAX_S = 16.0
SPARE_MESSAGES = (
    32  # a worker that came back to 350 jobs and 5,000 copies claimed the same rows for a minute; 2026-11-24
)
TICK_S = 1.0
SHORTEST_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one pass did, in jobs."""

    expired: int = 0
    requeued: int = 0
    dead: int = 0
    published: int = 0


def reconcile_once(*, now: datetime) -> Counts:
    """End what is overdue, take back what lost workers held, and tell workers of what still waits."""
    expired = _in_batches(
        lambda: Job.objects.filter(status__in=services.OPEN, deadline_at__lte=now).order_by("pk"),
        lambda job: services.expire(job_id=job.pk, now=now),
    )
    requeued = dead = 0
    for outcome in _in_batches(
        lambda: Job.objects.filter(status=Job.Status.RUNNING, lease_until__lte=now).order_by("pk"),
        lambda job: services.give_back(
            job_id=job.pk, fence=job.fence, error_code=LEASE_EXPIRED, next_attempt_at=now, now=now
        ),
    ):
        requeued += outcome == Job.Status.QUEUED
        dead += outcome == Job.Status.FAILED
    return Counts(expired=len(expired), requeued=requeued, dead=dead, published=publish_waiting(now=now))


def publish_waiting(*, now: datetime) -> int:
    """Tell workers of due jobs that none was told of, or that none has claimed since.

    Where a queue is empty, an unclaimed job's message is lost, and the job is told of again soon. Where
    it is not, the message is probably still in it: the pause doubles, and stops while there are clearly more
    messages than jobs, so that copies do not flood it. Any message lets a worker claim whatever is due.

    Returns:
        How many messages Redis took; a queue is left at the first that Redis refuses.
    """
    return sum(_publish_waiting(names, queue, now) for queue, names in kinds.by_queue().items())


def _publish_waiting(names: list[str], queue: str, now: datetime) -> int:
    waiting = Job.objects.filter(kind__in=names, status=Job.Status.QUEUED, next_attempt_at__lte=now)
    due = waiting.count()
    messages = publishing.length(queue) if due else None
    if not due or (messages is not None and messages > due + SPARE_MESSAGES):
        return 0
    longest_s = REPUBLISH_S if messages == 0 else REPUBLISH_MAX_S
    with transaction.atomic():
        unheard = _unheard(waiting, now, timedelta(seconds=longest_s))
        jobs = list(unheard.select_for_update(skip_locked=True)[:PUBLISH_BATCH])
        Job.objects.filter(pk__in=[job.pk for job in jobs]).update(published_at=now)
    for sent, job in enumerate(jobs):
        if not publishing.publish(kinds.get(job.kind), job.pk):
            untold = Job.objects.filter(pk__in=[job.pk for job in jobs[sent:]], status=Job.Status.QUEUED)
            untold.filter(published_at=now).update(published_at=None)
            return sent
    return len(jobs)


def pause_s(*, now: datetime) -> float:
    """Seconds until the next deadline, lease or retry falls due: at most a tick, never less than 20 ms."""
    due = Job.objects.filter(status__in=services.OPEN).aggregate(
        deadline=Min("deadline_at", filter=Q(deadline_at__gt=now)),
        lease=Min("lease_until", filter=Q(lease_until__gt=now)),
        retry=Min("next_attempt_at", filter=Q(status=Job.Status.QUEUED, next_attempt_at__gt=now)),
    )
    waits = [(at - now).total_seconds() for at in due.values() if at is not None]
    return float(max(SHORTEST_S, min([TICK_S, *waits])))


def _unheard(waiting: QuerySet[Job], now: datetime, longest: timedelta) -> QuerySet[Job]:
    told_for = F("published_at") - F("next_attempt_at")
    waited = Least(Greatest(told_for, timedelta(seconds=REPUBLISH_S)), longest)
    return (
        waiting.filter(deadline_at__gt=now)
        .filter(Q(published_at=None) | Q(published_at__lte=now - waited))
        .order_by("-priority", "next_attempt_at", "pk")
    )


def _in_batches(due: Callable[[], QuerySet[Job]], move: Callable[[Job], Outcome]) -> list[Outcome]:
    """Move every due job, a batch a transaction; one that cannot be moved is left for the next pass."""
    outcomes: list[Outcome] = []
    stuck: set[UUID] = set()
    while True:
        with transaction.atomic():
            jobs = list(due().exclude(pk__in=stuck).select_for_update(skip_locked=True)[:BATCH])
            for job in jobs:
                try:
                    with transaction.atomic():
                        outcomes.append(move(job))
                except OperationalError:
                    raise
                except Exception:  # a domain's hook is foreign code; one that fails must not hold up the rest
                    logger.exception("job_not_moved", job_id=str(job.pk), kind=job.kind)
                    stuck.add(job.pk)
        if len(jobs) < BATCH:
            return outcomes
