"""Assessing an event for a caller who waits."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import datetime, timedelta
from uuid import uuid4

from apps.jobs import services as jobs
from apps.jobs.waiting import Caller, expecting, wait_for_bell, wait_until_done
from apps.tenants.models import ApiClient
from riskscore.events import Event
from riskscore.models import RiskAssessment
from riskscore.selectors import answer_of
from riskscore.services.requests import request_assessment

SAME_MOMENT = timedelta(seconds=0.05)  # who hangs up so close to the deadline ran into it


def assess_event(
    *,
    client: ApiClient,
    event: Event,
    deadline_s: float,
    wait_s: float,
    clock: Callable[[], datetime],
    caller: Caller | None = None,
) -> tuple[RiskAssessment, bool]:
    """Ask for an assessment and wait for its answer at most ``wait_s``. Call it outside any transaction.

    At its deadline the rules' answer is written from here, so that no caller depends on another process for it.

    Args:
        caller: who may hang up meanwhile; an assessment that nobody waits for any more is cancelled.

    Returns:
        The assessment as it stands then, and whether this call created it.

    Raises:
        EventDiffers: see `request_assessment`.
    """
    caller, job_id = caller or Caller(), uuid4()
    with expecting(job_id, caller.bell) if wait_s > 0 else nullcontext():
        assessment, created = request_assessment(
            client=client, event=event, deadline_s=deadline_s, now=clock(), job_id=job_id
        )
        if assessment.status == RiskAssessment.Status.PENDING:
            left_s = min(wait_s, (assessment.job.deadline_at - clock()).total_seconds())
            if _ended(assessment, left_s=left_s, clock=clock, caller=caller, is_expected=assessment.job_id == job_id):
                return answer_of(assessment), created
    return assessment, created


def _ended(
    assessment: RiskAssessment, *, left_s: float, clock: Callable[[], datetime], caller: Caller, is_expected: bool
) -> bool:
    """Wait for the answer; at the deadline, and for a caller who has gone, see to it that there is one."""
    if left_s > 0 and (
        wait_for_bell(caller, timeout_s=left_s)
        if is_expected
        else wait_until_done(assessment.job_id, timeout_s=left_s, caller=caller)
    ):
        return True
    deadline_at = assessment.job.deadline_at
    if clock() >= deadline_at - (SAME_MOMENT if caller.has_gone else timedelta(0)):
        jobs.expire(job_id=assessment.job_id, now=max(clock(), deadline_at))
        return True
    if caller.has_gone:
        with suppress(jobs.AlreadyEnded):
            jobs.cancel(
                job_id=assessment.job_id,
                institution_id=assessment.institution_id,
                now=clock(),
                actor=f"client:{assessment.client_id}",
            )
        return True
    return False
