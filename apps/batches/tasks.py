"""Addresses of work: a task receives an id and calls one service."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.batches import services


@shared_task(name="batches.work_on", queue="default", ignore_result=True)
def work_on(*, job_id: str) -> None:
    """Do one part of a batch. Safe to deliver twice, late or never."""
    services.work_on(job_id=UUID(job_id), clock=timezone.now)
