"""Addresses of the work."""

from celery import shared_task

from apps.jobs import runtime
from tests.chaos import work


@shared_task(name="chaos.sleep", queue="chaos")
def sleep(*, job_id: str) -> None:
    """Be quick."""
    work.ask(job_id, work.QUICK)


@shared_task(name="chaos.nap", queue="chaos")
def nap(*, job_id: str) -> None:
    """Take long enough to be stopped in the middle."""
    work.ask(job_id, work.SLOW)


@shared_task(name="chaos.hang", queue="chaos")
def hang(*, job_id: str) -> None:
    """Never come back, the first time."""
    work.hang_at_first(job_id)


@shared_task(name="chaos.score", queue="inference")
def score(*, job_id: str) -> None:
    """Ask the worker's real engine."""
    work.ask(job_id, runtime.engine())
