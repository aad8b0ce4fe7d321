"""Assessing an event for a caller who waits."""

from collections.abc import Callable
from datetime import datetime

from apps.jobs import services as jobs
from apps.jobs.waiting import wait_until_done
from apps.tenants.models import ApiClient
from riskscore.events import Event
from riskscore.models import RiskAssessment
from riskscore.selectors import access_assessment
from riskscore.services.requests import request_assessment


def assess_event(
    *,
    client: ApiClient,
    event: Event,
    deadline_s: float,
    wait_s: float,
    clock: Callable[[], datetime],
) -> tuple[RiskAssessment, bool]:
    """Ask for an assessment and wait for its answer at most ``wait_s``. Call it outside any transaction.

    At its deadline the rules' answer is written from here, so that no caller depends on another process for it.

    Returns:
        The assessment as it stands then, and whether this call created it.

    Raises:
        EventDiffers: see `request_assessment`.
    """
    assessment, created = request_assessment(client=client, event=event, deadline_s=deadline_s, now=clock())
    if assessment.status == RiskAssessment.Status.PENDING and _ended(assessment, wait_s=wait_s, clock=clock):
        return access_assessment(institution_id=client.institution_id, assessment_id=assessment.pk), created
    return assessment, created


def _ended(assessment: RiskAssessment, *, wait_s: float, clock: Callable[[], datetime]) -> bool:
    deadline_at = assessment.job.deadline_at
    left_s = min(wait_s, (deadline_at - clock()).total_seconds())
    ended = left_s > 0 and wait_until_done(assessment.job_id, timeout_s=left_s)
    if not ended and clock() >= deadline_at:
        jobs.expire(job_id=assessment.job_id, now=clock())
        return True
    return ended
