"""A worker in a thread of this process, with an engine that answers as a test wrote down."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connections
from django.utils import timezone

from apps.jobs.models import Job
from inference.api import Engine
from riskscore.services import score_assessment
from tests.engines import ScriptedEngine
from tests.riskscore.makers import RELEASE


@contextmanager
def scoring(engine: Engine | None = None) -> Iterator[Engine]:
    """Whatever assessment is queued is scored while the block lasts."""
    served, stopping = engine or ScriptedEngine(), threading.Event()
    worker = threading.Thread(target=_work, args=(served, stopping))
    worker.start()
    try:
        yield served
    finally:
        stopping.set()
        worker.join()


def _work(engine: Engine, stopping: threading.Event) -> None:
    while not stopping.wait(0.01):
        for job_id in Job.objects.filter(status=Job.Status.QUEUED).values_list("pk", flat=True):
            score_assessment(job_id=job_id, engine=engine, release=RELEASE, clock=timezone.now)
    connections.close_all()
