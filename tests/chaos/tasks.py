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


@shared_task(name="chaos.doze", queue="chaos")
def doze(*, job_id: str) -> None:
    """Take a good part of a short lease."""
    work.ask(job_id, work.MIDDLING)


@shared_task(name="chaos.kill", queue="chaos")
def kill(*, job_id: str) -> None:
    """End the worker as the kernel does."""
    work.swallow(job_id, "kill")


@shared_task(name="chaos.exit", queue="chaos")
def leave(*, job_id: str) -> None:
    """End the worker as a broken library does."""
    work.swallow(job_id, "exit")


@shared_task(name="chaos.bomb", queue="chaos")
def bomb(*, job_id: str) -> None:
    """Ask for more memory than there may be."""
    work.swallow(job_id, "bomb")


@shared_task(name="chaos.hang", queue="chaos")
def hang(*, job_id: str) -> None:
    """Never come back, the first time."""
    work.hang_at_first(job_id)


@shared_task(name="chaos.score", queue="inference")
def score(*, job_id: str) -> None:
    """Ask the worker's real engine."""
    work.ask(job_id, runtime.engine())
