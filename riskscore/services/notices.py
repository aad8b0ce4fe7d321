"""What an institution's own systems are told of assessments, in the transaction of what happened."""

from datetime import datetime
from uuid import UUID

from apps.jobs.models import Job
from apps.webhooks import services as webhooks
from apps.webhooks.models import EventType


def tell_completed(*, institution_id: UUID, assessment_id: UUID, job_id: UUID, now: datetime) -> None:
    """Say that an assessment has its answer, the model's or the rules'."""
    data = {"assessment_id": assessment_id, "operation_id": job_id}
    webhooks.emit(institution_id=institution_id, event_type=EventType.ASSESSMENT_COMPLETED, data=data, now=now)


def tell_degraded(*, job: Job, now: datetime) -> None:
    """Say that the rules alone answered and, where the job was given up, that its operation failed."""
    tell_completed(institution_id=job.institution_id, assessment_id=job.subject_id, job_id=job.pk, now=now)
    if job.status == Job.Status.FAILED:
        data = {"operation_id": job.pk, "assessment_id": job.subject_id}
        webhooks.emit(institution_id=job.institution_id, event_type=EventType.OPERATION_FAILED, data=data, now=now)
