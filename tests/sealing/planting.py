"""Requests that end well, are refused, crash, and come too late, with something planted in all they say."""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import cycle

import pytest
from django.utils import timezone

from apps.jobs.models import Job
from apps.jobs.reconciler import reconcile_once
from inference.api import EngineError
from riskscore.services import score_assessment
from settings.celery import app
from tests.engines import ScriptedEngine
from tests.riskscore.makers import RELEASE
from tests.sealing.canaries import body, call


def run(key: str, texts: list[str], *, requests: int, monkeypatch: pytest.MonkeyPatch) -> Counter[int]:
    """So many requests of the four kinds, by turns; returns how often each status was answered."""
    turns: Iterator[str] = cycle(texts)
    statuses: Counter[int] = Counter()
    for number in range(requests):
        kind = ("good", "refused", "crashing", "late")[number % 4]
        with monkeypatch.context() as patched:
            if kind == "crashing":
                patched.setattr("riskscore.services.requests.evidence", _crash(next(turns)))
            content = body(turns, **_changes(kind, turns))
            statuses[call(key, content, turns, number=number)] += 1
        _attempt(next(turns))
    reconcile_once(now=timezone.now() + timedelta(seconds=90))
    return statuses


def _attempt(text: str) -> None:
    """What a worker does with the latest job when its engine chokes, and with a task that nobody foresaw."""
    job = Job.objects.filter(status=Job.Status.QUEUED).order_by("-created_at").first()
    if job is not None:
        engine = ScriptedEngine(failures=[EngineError(text)])
        score_assessment(job_id=job.pk, engine=engine, release=RELEASE, clock=timezone.now)
    unforeseen.apply(kwargs={"text": text})


@app.task(name="tests.unforeseen")
def unforeseen(text: str) -> None:
    """A task that fails, and says why."""
    raise RuntimeError(text)


def _changes(kind: str, turns: Iterator[str]) -> dict[str, object]:
    if kind == "refused":
        return {next(turns): next(turns), "currency": next(turns), "amount": next(turns)}
    return {"deadline_ms": 50} if kind == "late" else {}


def _crash(text: str) -> object:
    def crash(*_: object) -> None:
        raise RuntimeError(text)

    return crash
