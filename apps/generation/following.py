"""Reading along while a text is written, from any door, and having the whole of it at the end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from uuid import UUID, uuid4

from django.utils.translation import gettext as _

from apps.api.limits.turns import resting
from apps.common.errors import DomainError
from apps.generation.asked import Asked
from apps.generation.models import Generation
from apps.generation.pieces import Ear, Told
from apps.generation.services import request_generation
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.waiting import Caller, ringing, wait_until_done
from apps.tenants.models import ApiClient

LOOK_EVERY_S = 0.1  # at whether the job ended, beside what Redis tells; nobody asks PostgreSQL for it


class NotWritten(DomainError):
    """The text was not written: past its deadline, cancelled, or refused by the engine."""

    code = "not_written"


def written(
    *, client: ApiClient, asked: Asked, deadline_s: float, clock: Callable[[], datetime], caller: Caller | None = None
) -> Generation:
    """Ask for a text and wait for the whole of it. Call it outside any transaction.

    Raises:
        NoSuchWriter, Overloaded, Unavailable: see `request_generation`.
        NotWritten: it was not; ``code`` says why.
    """
    generation = request_generation(
        generation_id=uuid4(), client=client, asked=asked, deadline_s=deadline_s, now=clock()
    )
    left_s = (generation.job.deadline_at - clock()).total_seconds()
    if not wait_until_done(generation.job_id, timeout_s=max(0.0, left_s), caller=caller):
        _give_up(generation, clock)
    return _finished(generation)


def pieces(
    *,
    client: ApiClient,
    asked: Asked,
    deadline_s: float,
    clock: Callable[[], datetime],
    caller: Caller | None = None,
    generation_id: UUID | None = None,
) -> Iterator[str | Generation]:
    """Ask for a text and give it piece by piece, then the generation that holds the whole. See `written`.

    What is given before the end is the beginning of what is kept, whatever became of Redis or of a worker
    meanwhile. Who stops reading cancels the job.
    """
    generation_id, caller = generation_id or uuid4(), caller or Caller()
    told = Told(institution_id=client.institution_id, generation_id=generation_id)
    with Ear(told).open() as ear:
        generation = request_generation(
            generation_id=generation_id, client=client, asked=asked, deadline_s=deadline_s, now=clock()
        )
        sent = ""
        try:
            with ringing(generation.job_id, caller.bell):
                for piece in _heard(ear, told, generation, caller.bell, clock):
                    sent += piece
                    yield piece
        finally:
            _give_up(generation, clock)
    finished = _finished(generation)
    if len(finished.text) > len(sent):
        yield finished.text[len(sent) :]
    yield finished


def _heard(
    ear: Ear, told: Told, generation: Generation, bell: threading.Event, clock: Callable[[], datetime]
) -> Iterator[str]:
    """Pieces in their order, until the job ends, the caller is gone or the deadline has come."""
    length = 0
    while not bell.is_set():
        left_s = (generation.job.deadline_at - clock()).total_seconds()
        if left_s <= 0:
            return
        if not ear.hears:
            with resting():
                bell.wait(left_s)
            return
        with resting():
            message = ear.next(timeout_s=min(left_s, LOOK_EVERY_S))
        if message == b"":
            return
        piece = told.read(message) if message else None
        if piece is not None and piece[0] <= length < piece[0] + len(piece[1]):
            fresh = piece[1][length - piece[0] :]
            length += len(fresh)
            yield fresh


def _give_up(generation: Generation, clock: Callable[[], datetime]) -> None:
    """End the job if it is still open: as expired past its deadline, otherwise as cancelled."""
    if jobs.expire(job_id=generation.job_id, now=clock()):
        return
    with suppress(jobs.AlreadyEnded):
        actor = f"client:{generation.client_id}"
        jobs.cancel(job_id=generation.job_id, institution_id=generation.institution_id, now=clock(), actor=actor)


def _finished(generation: Generation) -> Generation:
    found = Generation.objects.select_related("job").get(institution_id=generation.institution_id, pk=generation.pk)
    if found.completed_at is not None:
        return found
    texts = {
        Job.Status.EXPIRED: _("The text was not written before its deadline."),
        Job.Status.CANCELLED: _("The request was cancelled."),
    }
    detail = texts.get(Job.Status(found.job.status), _("The model refused the request, or failed at it."))
    raise NotWritten(detail, code=found.job.error_code or found.job.status)
