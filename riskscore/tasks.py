"""Addresses of work: a task receives an id and calls one service."""

from uuid import UUID

from celery import shared_task
from django.utils import timezone

from apps.jobs import runtime
from inference.backends.base import Ability
from riskscore import services

MODEL = "risk"

# A transaction is one position, its score is a closed question, and institutions share a worker.
runtime.requires(MODEL, frozenset({Ability.SCORE, Ability.EVENTS, Ability.SALT}))


@shared_task(name="riskscore.score_assessment", queue="inference", ignore_result=True)
def score_assessment(*, job_id: str) -> None:
    """Score one assessment. Safe to deliver twice, late or never."""
    served = runtime.champion(MODEL)
    services.score_assessment(
        job_id=UUID(job_id),
        engine=runtime.engine(),
        release=services.Release.of(served.ref, served.card),
        clock=timezone.now,
    )
