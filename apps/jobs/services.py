"""Every move a job can make. Each is one compare-and-set, so that of two that race one loses.

``queued -> running -> succeeded | failed``; ``running -> queued`` when a worker gives up or is lost;
``queued | running -> cancelled | expired``. A terminal job never moves again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common import context, scope
from apps.common.errors import Conflict, NotFound
from apps.common.postgresql.durability import commit_without_waiting
from apps.jobs import admission, kinds, publishing
from apps.jobs.models import Job
from apps.tenants.models import Institution

CHANNEL = "assay_job_done"
DEADLINE_EXCEEDED = "deadline_exceeded"
RELEASE_DELAY_S = 0.1

OPEN = (Job.Status.QUEUED, Job.Status.RUNNING)


class NotClaimable(Conflict):
    """The job is held, not yet due, past its deadline or already at an end: nothing is to be done."""

    code = "not_claimable"


class NeedsSolitude(Conflict):
    """The job was lost with its workers so far; its last attempt is to be made with nothing else in the process."""

    code = "needs_solitude"

    def __init__(self, job_id: UUID) -> None:
        super().__init__(_("The job is to be done alone."))
        self.job_id = job_id


class FenceLost(Conflict):
    """The claim no longer holds the job: its lease was given to another, or the job has ended."""

    code = "fence_lost"


class AlreadyEnded(Conflict):
    """The job has reached its end and can no longer be cancelled."""

    code = "already_ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A worker's hold on a job. Whatever it writes must carry the fence."""

    job_id: UUID
    kind: str
    subject_id: UUID
    institution_id: UUID
    fence: int
    attempt: int
    deadline_at: datetime
    request_id: str


def admit(*, institution_id: UUID, kind: str, deadline_at: datetime, now: datetime, priority: int = 0) -> None:
    """Say early whether `enqueue` would refuse, before anything is computed for a job that cannot be promised.

    Raises:
        UnknownKindError, Overloaded, Unavailable: see `enqueue`.
    """
    admission.admit(
        kind=kinds.get(kind), institution_id=institution_id, priority=priority, deadline_at=deadline_at, now=now
    )


@transaction.atomic
def enqueue(
    *,
    institution: Institution,
    kind: str,
    subject_id: UUID,
    deadline_at: datetime,
    now: datetime,
    priority: int = 0,
    job_id: UUID | None = None,
    is_admitted: bool = False,
) -> Job:
    """Promise a piece of work. Workers hear of it once the caller's transaction has committed.

    Telling them is best effort and costs at most 0.3 s; the reconciler tells those who did not hear.

    Args:
        job_id: of the job to be made, where somebody expects its end already; see `waiting.expecting`.
        is_admitted: whether `admit` was asked just now.

    Raises:
        UnknownKindError: no domain registered ``kind``.
        Overloaded, Unavailable: it cannot be done in time, or would take others' share; see `admission`.
        IntegrityError: the subject already has a job of this kind.
    """
    known = kinds.get(kind)
    if not is_admitted:
        admit(institution_id=institution.pk, kind=kind, deadline_at=deadline_at, now=now, priority=priority)
    job = Job.objects.create(
        id=job_id or uuid4(),
        institution=institution,
        kind=known.name,
        subject_id=subject_id,
        max_attempts=known.max_attempts,
        priority=priority,
        next_attempt_at=now,
        published_at=now,
        deadline_at=deadline_at,
        created_at=now,
        request_id=context.request_id(),
    )
    transaction.on_commit(partial(_announce, job))
    return job


@transaction.atomic(durable=True)
def claim(*, job_id: UUID, now: datetime, alone: bool = False) -> Claim:
    """Take a queued job for one attempt, counted and committed before any work is done.

    Args:
        alone: whether nothing else runs in this process; see `apps.jobs.solitude`.

    Raises:
        NotClaimable: it is not this caller's to do; the message was late or a copy.
        NeedsSolitude: it may be claimed, but not beside other work; nothing changed.
    """
    commit_without_waiting()  # where PostgreSQL forgets it, the attempt's end finds its fence lost
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise NotClaimable(_("There is no such job."))
    return take(job, now=now, alone=alone)


def take(job: Job, *, now: datetime, alone: bool = False) -> Claim:
    """What `claim` does with a job that was just read; call it in a transaction that ends with it.

    Raises:
        NotClaimable, NeedsSolitude: see `claim`.
    """
    if not alone and job.is_suspect:
        raise NeedsSolitude(job.pk)
    due = Job.objects.filter(
        pk=job.pk, status=Job.Status.QUEUED, fence=job.fence, next_attempt_at__lte=now, deadline_at__gt=now
    )
    taken = due.update(
        status=Job.Status.RUNNING,
        attempts=F("attempts") + 1,
        fence=F("fence") + 1,
        lease_until=now + timedelta(seconds=kinds.get(job.kind).lease_s),
        started_at=Coalesce("started_at", now),
    )
    if not taken:
        raise NotClaimable(_("The job is not waiting to be done."))
    return Claim(
        job_id=job.pk,
        kind=job.kind,
        subject_id=job.subject_id,
        institution_id=job.institution_id,
        fence=job.fence + 1,
        attempt=job.attempts + 1,
        deadline_at=job.deadline_at,
        request_id=job.request_id,
    )


@transaction.atomic
def finish(*, claim: Claim, now: datetime) -> None:
    """End a job well. Call it first in the transaction that writes the result, and let FenceLost undo both.

    Raises:
        FenceLost: another holds the job, it has ended, or its deadline has passed; nothing changed.
    """
    _move_held(claim, Q(deadline_at__gt=now), **_ended(Job.Status.SUCCEEDED, now), error_code="")
    _notify(claim.job_id)


@transaction.atomic
def fail(*, claim: Claim, error_code: str, retry: bool, now: datetime, retry_in_s: float | None = None) -> Job.Status:
    """Give up an attempt: to be tried again later, or for good.

    A job that is out of attempts becomes a dead letter, and its kind's ``on_expired`` answers for it.

    Args:
        retry_in_s: how long to pause, where the kind's own pause would be wrong.

    Returns:
        Where the job now stands: queued or failed.

    Raises:
        FenceLost: the claim no longer holds the job; nothing changed.
    """
    if not retry:
        _move_held(claim, **_ended(Job.Status.FAILED, now), error_code=error_code)
        _answer_for(claim.job_id, now)
        return Job.Status.FAILED
    pause_s = kinds.get(claim.kind).backoff_s(claim.attempt) if retry_in_s is None else retry_in_s
    return give_back(
        job_id=claim.job_id,
        fence=claim.fence,
        error_code=error_code,
        next_attempt_at=now + timedelta(seconds=pause_s),
        now=now,
    )


@transaction.atomic
def release(*, claim: Claim, now: datetime, delay_s: float = RELEASE_DELAY_S) -> None:
    """Hand a job back untouched, because it cannot be begun now; the attempt does not count.

    Args:
        delay_s: how long nobody is to try.

    Raises:
        FenceLost: the claim no longer holds the job; nothing changed.
    """
    _move_held(
        claim,
        status=Job.Status.QUEUED,
        attempts=F("attempts") - 1,
        lease_until=None,
        published_at=None,
        next_attempt_at=now + timedelta(seconds=delay_s),
    )


@transaction.atomic
def extend(*, claim: Claim, now: datetime) -> None:
    """Hold a long job for another lease, because a part of it gets done; its attempts count anew from here.

    Call it first in the part's transaction, and let FenceLost undo the rest: until that transaction ends
    nobody else can take the job, so that each part is done once.

    Raises:
        FenceLost: the claim no longer holds the job; nothing changed.
    """
    _move_held(claim, attempts=1, lease_until=now + timedelta(seconds=kinds.get(claim.kind).lease_s))


@transaction.atomic
def proceed(*, claim: Claim, now: datetime, delay_s: float = 0.0) -> None:
    """Hand back a long job that got on and is not through; its attempts are counted anew from here.

    Args:
        delay_s: how long it has nothing to do; without a pause, workers hear of it at once.

    Raises:
        FenceLost: the claim no longer holds the job; nothing changed.
    """
    _move_held(
        claim,
        status=Job.Status.QUEUED,
        attempts=0,
        lease_until=None,
        published_at=None if delay_s else now,
        next_attempt_at=now + timedelta(seconds=delay_s),
        error_code="",
    )
    if not delay_s:
        transaction.on_commit(lambda: _announce(Job.objects.get(pk=claim.job_id)))


@transaction.atomic
def give_back(*, job_id: UUID, fence: int, error_code: str, next_attempt_at: datetime, now: datetime) -> Job.Status:
    """Queue a running job again, or make it a dead letter when that was its last attempt.

    Raises:
        FenceLost: the job is no longer held under this fence; nothing changed.
    """
    held = Job.objects.filter(pk=job_id, status=Job.Status.RUNNING, fence=fence)
    queued = held.filter(attempts__lt=F("max_attempts")).update(
        status=Job.Status.QUEUED,
        lease_until=None,
        published_at=None,
        next_attempt_at=next_attempt_at,
        error_code=error_code,
    )
    if queued:
        return Job.Status.QUEUED
    if not held.update(**_ended(Job.Status.FAILED, now), error_code=error_code):
        raise FenceLost(_("The job is no longer held by this worker."))
    _answer_for(job_id, now)
    return Job.Status.FAILED


@transaction.atomic
def cancel(*, job_id: UUID, institution_id: UUID, now: datetime, actor: str = "system") -> Job:
    """End a job because its institution no longer wants it. A worker that runs it loses its fence.

    Raises:
        NotFound: there is no such job, or it is another institution's.
        AlreadyEnded: it had already reached an end; nothing changed.
    """
    owned = Job.objects.filter(pk=job_id, institution_id=institution_id)
    moved = owned.filter(status__in=OPEN).update(**_ended(Job.Status.CANCELLED, now))
    job = owned.first()
    if job is None:
        raise NotFound(_("There is no such operation."))
    if not moved:
        raise AlreadyEnded(_("The operation has already ended."))
    audit.record(actor=actor, action="operation.cancelled", institution=institution_id, subject=job, now=now)
    _notify(job_id)
    return job


@transaction.atomic
def expire(*, job_id: UUID, now: datetime) -> bool:
    """End an open job whose deadline has passed; its kind's ``on_expired`` answers for it.

    Safe from any process and at any time: whoever is first does it.

    Returns:
        Whether this call ended it.
    """
    overdue = Job.objects.filter(pk=job_id, status__in=OPEN, deadline_at__lte=now)
    if not overdue.update(**_ended(Job.Status.EXPIRED, now), error_code=DEADLINE_EXCEEDED):
        return False
    _answer_for(job_id, now)
    return True


def _move_held(claim: Claim, also: Q | None = None, **changes: Any) -> None:
    held: QuerySet[Job] = Job.objects.filter(pk=claim.job_id, status=Job.Status.RUNNING, fence=claim.fence)
    if not held.filter(also or Q()).update(**changes):
        raise FenceLost(_("The job is no longer held by this worker."))


def _ended(status: Job.Status, now: datetime) -> dict[str, Any]:
    return {"status": status, "lease_until": None, "finished_at": now}


def _answer_for(job_id: UUID, now: datetime) -> None:
    job = Job.objects.get(pk=job_id)
    on_expired = kinds.get(job.kind).on_expired
    if on_expired is not None:
        with scope.entered(scope.of(job.institution_id)):
            on_expired(job, now)
    _notify(job_id)


def _notify(job_id: UUID) -> None:
    """Wake whoever waits for the job, in every process, when this transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, str(job_id)])


def _announce(job: Job) -> None:
    if not publishing.publish(kinds.get(job.kind), job.pk):
        Job.objects.filter(pk=job.pk, status=Job.Status.QUEUED, fence=job.fence).update(published_at=None)
