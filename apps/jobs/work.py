"""One attempt at one job, from claim to end: what every domain's task does around its own work."""

import logging
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from apps.jobs import services
from apps.jobs.services import Claim, FenceLost, NotClaimable
from inference.api import DeadlineExceeded, EngineError, EngineStopped, OutOfBlocks, QueueFull

logger = logging.getLogger(__name__)

INTERNAL_ERROR = "internal_error"


def perform(*, job_id: UUID, work: Callable[[Claim], None], clock: Callable[[], datetime]) -> bool:
    """Claim a job, do the work, and account for every way it can go wrong. Safe to call twice.

    ``work`` infers outside any transaction, then writes its result and calls `services.finish` in one.
    An engine that drains or is full gets the job taken from it without counting the attempt; other
    engine errors are tried again where a second try could differ, and end the job where it could not.

    Returns:
        Whether the work was done. False if the job was not to be had, was lost, or failed.
    """
    try:
        claim = services.claim(job_id=job_id, now=clock())
    except NotClaimable:
        return False
    facts = {"job_id": str(job_id), "kind": claim.kind, "attempt": claim.attempt, "request_id": claim.request_id}
    try:
        return _attempt(claim, work, clock)
    except FenceLost:
        logger.info("a job was taken away", extra=facts)
        return False
    except Exception:  # the outermost edge of an attempt
        logger.exception("an attempt failed", extra=facts)
        return _gave_up(claim, INTERNAL_ERROR, clock, retry=True)


def _attempt(claim: Claim, work: Callable[[Claim], None], clock: Callable[[], datetime]) -> bool:
    try:
        work(claim)
    except (EngineStopped, QueueFull):
        services.release(claim=claim, now=clock())
        return False
    except DeadlineExceeded as error:
        if services.expire(job_id=claim.job_id, now=clock()):
            return False
        return _gave_up(claim, error.code, clock, retry=False)
    except EngineError as error:
        return _gave_up(claim, error.code, clock, retry=isinstance(error, OutOfBlocks))
    return True


def _gave_up(claim: Claim, error_code: str, clock: Callable[[], datetime], *, retry: bool) -> bool:
    try:
        services.fail(claim=claim, error_code=error_code, retry=retry, now=clock())
    except FenceLost:
        logger.info("a failed job was taken away", extra={"job_id": str(claim.job_id)})
    return False
