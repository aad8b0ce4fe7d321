"""Addresses of work: a task receives an id and calls one service."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.generation import services
from apps.jobs import runtime


@shared_task(name="generation.write", queue="inference", ignore_result=True)
def write(*, job_id: str) -> None:
    """Write one text. Safe to deliver twice, late or never."""
    services.write(job_id=UUID(job_id), engine=runtime.engine(), wording=runtime.wording, clock=timezone.now)
