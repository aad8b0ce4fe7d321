"""A model that writes as a test wrote down, and a worker in a thread of this process."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import connections
from django.utils import timezone

from apps.generation.services import JOB_KIND, write
from apps.jobs.models import Job
from apps.registry.models import ModelVersion
from inference.api import Engine, GeneratedTokens
from tests.engines import SCRIPTED, ScriptedEngine

WRITER = replace(SCRIPTED, name="writer")
PIECES = (
    GeneratedTokens(tokens=(1,), text="The "),
    GeneratedTokens(tokens=(2, 3), text=""),
    GeneratedTokens(tokens=(4,), text="answer 是 "),
    GeneratedTokens(tokens=(5,), text="42."),
)
TEXT = "The answer 是 42."


class Letters:
    """Every character is a token; a conversation is its turns, one a line."""

    def text(self, text: str) -> tuple[int, ...]:
        """Code points."""
        return tuple(map(ord, text))

    def conversation(self, messages: Sequence[dict[str, str]]) -> tuple[int, ...]:
        """Code points of the lines."""
        return self.text("".join(f"{message['role']}: {message['content']}\n" for message in messages))


def register_writer(**changes: Any) -> ModelVersion:
    """A champion that generates."""
    told: dict[str, Any] = {"name": "writer", "version": "1", "path": "writer", "digest": "0" * 64, "precision": "int8"}
    told |= {"alias": "champion", "card": {"writes": True}, "created_at": timezone.now()}
    return ModelVersion.objects.create(**told | changes)


def engine(**script: Any) -> ScriptedEngine:
    """An engine that writes `PIECES` unless told otherwise."""
    told: dict[str, Any] = {"pieces": PIECES, "model": WRITER} | script
    return ScriptedEngine(**told)


@contextmanager
def writing(served: Engine | None = None) -> Iterator[Any]:
    """Whatever generation is queued is written while the block lasts."""
    served, stopping = served or engine(), threading.Event()
    worker = threading.Thread(target=_work, args=(served, stopping))
    worker.start()
    try:
        yield served
    finally:
        stopping.set()
        worker.join()


def _work(served: Engine, stopping: threading.Event) -> None:
    while not stopping.wait(0.01):
        for job_id in Job.objects.filter(kind=JOB_KIND, status=Job.Status.QUEUED).values_list("pk", flat=True):
            write(job_id=job_id, engine=served, wording=lambda _model: Letters(), clock=timezone.now)
    connections.close_all()
