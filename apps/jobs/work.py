"""One attempt at one job, from claim to end: what every domain's task does around its own work."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import structlog

from apps.common import context, scope
from apps.jobs import services
from apps.jobs.fairness import claim_fairest
from apps.jobs.services import Claim, FenceLost, NeedsSolitude, NotClaimable
from apps.jobs.solitude import ROOM
from inference.api import DeadlineExceeded, EngineError, EngineStopped, OutOfBlocks, QueueFull

logger = structlog.get_logger(__name__)

INTERNAL_ERROR = "internal_error"


def perform(*, job_id: UUID, work: Callable[[Claim], None], clock: Callable[[], datetime]) -> bool:
    """Claim a job, do the work, and account for every way it can go wrong. Safe to call twice.

    Which job it is `claim_fairest` says: the named one, or one that is to be done before it. The claim
    alone crosses institutions: everything after it sees rows of the job's institution and no others.
    ``work`` infers outside any transaction, then writes its result and calls `services.finish` in one.
    An engine that drains or is full gets the job taken from it without counting the attempt. One that
    foresees that it would be late (`Shed`) ends it at once, so that its kind answers for it now and not at the
    deadline: every worker serves the same queue, and none would be sooner. Other engine errors are tried
    again where a second try could differ, and end the job where it could not.

    Returns:
        Whether the work was done. False if the job was not to be had, was lost, or failed.
    """
    try:
        with ROOM.together():
            return _claimed(claim_fairest(job_id=job_id, now=clock()), work, clock)
    except NotClaimable:
        return False
    except NeedsSolitude as suspect:
        return _alone(suspect.job_id, work, clock)


def _alone(job_id: UUID, work: Callable[[Claim], None], clock: Callable[[], datetime]) -> bool:
    with ROOM.alone():
        try:
            claim = services.claim(job_id=job_id, now=clock(), alone=True)
        except NotClaimable:
            return False
        return _claimed(claim, work, clock)


def _claimed(claim: Claim, work: Callable[[Claim], None], clock: Callable[[], datetime]) -> bool:
    context.clear()
    context.bind(job_id=str(claim.job_id), kind=claim.kind, attempt=str(claim.attempt), request_id=claim.request_id)
    try:
        with scope.entered(scope.of(claim.institution_id)):
            return _attempt(claim, work, clock)
    except FenceLost:
        logger.info("job_taken_away")
        return False
    finally:
        context.clear()


def _attempt(claim: Claim, work: Callable[[Claim], None], clock: Callable[[], datetime]) -> bool:
    try:
        work(claim)
    except FenceLost:
        raise
    except (EngineStopped, QueueFull) as error:
        logger.info("job_released", error_code=error.code)
        services.release(claim=claim, now=clock())
    except DeadlineExceeded as error:
        if not services.expire(job_id=claim.job_id, now=clock()):
            services.fail(claim=claim, error_code=error.code, retry=False, now=clock())
    except EngineError as error:
        logger.warning("engine_refused", error_code=error.code)
        services.fail(claim=claim, error_code=error.code, retry=isinstance(error, OutOfBlocks), now=clock())
    except Exception:  # the outermost edge of an attempt
        logger.exception("attempt_failed")
        services.fail(claim=claim, error_code=INTERNAL_ERROR, retry=True, now=clock())
    else:
        return True
    return False
