"""Addresses of work: a task receives an id and calls one service."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.webhooks import services
from apps.webhooks.sending import post


@shared_task(name="webhooks.deliver", queue="default", ignore_result=True)
def deliver(*, job_id: str) -> None:
    """Make one attempt at a delivery. Safe to deliver twice, late or never."""
    services.deliver(job_id=UUID(job_id), post=post, clock=timezone.now)
