"""Writing a text: by a worker, piece by piece told to whoever reads along, and kept where the fence matches."""

import queue
import time
from collections.abc import Callable
from concurrent.futures import CancelledError
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.audit import services as audit
from apps.audit.services import Subject
from apps.common.encryption import sealed_value
from apps.generation.asked import Asked
from apps.generation.models import Generation
from apps.generation.pieces import Told
from apps.jobs import services as jobs
from apps.jobs.runtime import Wording
from apps.jobs.services import Claim, FenceLost
from apps.jobs.waiting import ringing
from apps.jobs.work import perform
from inference.api import (
    Choices,
    Constraint,
    DeadlineExceeded,
    Engine,
    GeneratedTokens,
    GenerateRequest,
    GenerateResult,
    JsonSchema,
    Priority,
    Sampling,
    TokenPosition,
)

HOLD_EVERY_S = 5.0  # a text that grows is held for another lease

Words = Callable[[str], Wording]


def write(
    *,
    job_id: UUID,
    engine: Engine,
    wording: Words,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float] = time.monotonic,
) -> bool:
    """Do one attempt at a generation's job. Safe to call twice, and from any number of workers.

    Args:
        wording: how a model's prompts become tokens. Raises UnknownModel.

    Returns:
        Whether this call completed the generation.
    """

    def attempt(claim: Claim) -> None:
        owned = Generation.objects.filter(institution_id=claim.institution_id)
        asked = Asked.of(owned.get(pk=claim.subject_id).asked)
        left_s = (claim.deadline_at - clock()).total_seconds()
        request = _request(claim, asked, wording(asked.model), deadline_at=monotonic() + left_s)
        told = Told(institution_id=claim.institution_id, generation_id=claim.subject_id)
        result = _Attempt(engine, claim, told, clock, monotonic).written(request)
        _complete(claim, result, clock)
        told.tell_end()

    return perform(job_id=job_id, work=attempt, clock=clock)


def _request(claim: Claim, asked: Asked, words: Wording, *, deadline_at: float) -> GenerateRequest:
    if asked.messages:
        turns = [{"role": message.role, "content": message.content} for message in asked.messages]
        tokens = words.conversation(turns)
    else:
        tokens = words.text(asked.prompt)
    return GenerateRequest(
        id=f"{claim.job_id}:{claim.fence}",
        model=asked.model,
        namespace=str(claim.institution_id),
        record=tuple(TokenPosition(token) for token in tokens),
        max_tokens=asked.max_tokens,
        stop_texts=asked.stop,
        sampling=Sampling(temperature=asked.temperature, top_p=asked.top_p, seed=asked.seed),
        constraint=_constraint(asked, words),
        priority=Priority.INTERACTIVE,
        deadline_at=deadline_at,
    )


def _constraint(asked: Asked, words: Wording) -> Constraint | None:
    if asked.json_schema:
        return JsonSchema(asked.json_schema)
    if asked.choices:
        return Choices(tuple(words.text(choice) for choice in asked.choices))
    return None


class _Over:
    """What ends the wait for pieces: the engine is done, or the job has ended without us."""

    def __init__(self, pieces: "queue.SimpleQueue[GeneratedTokens | _Over]") -> None:
        self._pieces = pieces

    def set(self) -> None:
        self._pieces.put(self)


class _Attempt:
    """One request in the engine's hands, and its pieces on their way out."""

    def __init__(
        self,
        engine: Engine,
        claim: Claim,
        told: Told,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._engine, self._claim, self._told = engine, claim, told
        self._clock, self._monotonic = clock, monotonic
        self._pieces: queue.SimpleQueue[GeneratedTokens | _Over] = queue.SimpleQueue()
        self._ended = _Over(self._pieces)  # rung when the job ends: cancelled, expired or somebody else's
        self._offset = 0

    def written(self, request: GenerateRequest) -> GenerateResult:
        """What the engine wrote. Raises what its future does, DeadlineExceeded, or FenceLost once nobody wants it."""
        with ringing(self._claim.job_id, self._ended):
            future = self._engine.generate(request, on_tokens=self._pieces.put)
            done = _Over(self._pieces)
            future.add_done_callback(lambda _future: done.set())
            try:
                self._tell_until(done)
                return future.result(timeout=0)
            except CancelledError:
                raise DeadlineExceeded("the engine gave the generation up") from None
            finally:
                if not future.done():
                    self._engine.cancel(request.id)

    def _tell_until(self, done: _Over) -> None:
        hold_at = self._monotonic() + HOLD_EVERY_S
        while True:
            left_s = (self._claim.deadline_at - self._clock()).total_seconds()
            try:
                piece = self._pieces.get(timeout=max(0.0, left_s))
            except queue.Empty:
                raise DeadlineExceeded("the text was not written by the deadline") from None
            if piece is done:
                return
            if isinstance(piece, _Over):
                raise FenceLost("The job has ended.")
            if piece.text:
                self._told.tell(piece.text, offset=self._offset)
                self._offset += len(piece.text)
            if self._monotonic() >= hold_at:
                jobs.extend(claim=self._claim, now=self._clock())
                hold_at = self._monotonic() + HOLD_EVERY_S


def _complete(claim: Claim, result: GenerateResult, clock: Callable[[], datetime]) -> None:
    with transaction.atomic():
        now = clock()
        jobs.finish(claim=claim, now=now)
        place = {"institution_id": claim.institution_id, "row": claim.subject_id}
        Generation.objects.filter(institution_id=claim.institution_id, pk=claim.subject_id).update(
            completed_at=now,
            text=sealed_value(Generation, "text", value=result.text, **place),
            finish_reason=result.finish_reason,
            model_digest=result.model.digest,
            model_precision=result.model.precision,
            model_kernels=result.model.kernels,
            prompt_tokens=result.usage.prompt,
            cached_tokens=result.usage.cached + result.usage.shared,
            completion_tokens=result.usage.generated,
            queue_ms=result.queue_ms,
            first_token_ms=result.first_token_ms,
            infer_ms=result.compute_ms,
        )
        audit.record(
            actor="system",
            action="generation.completed",
            institution=claim.institution_id,
            subject=Subject.row(Generation, claim.subject_id),
            now=now,
            details={"model_digest": result.model.digest, "tokens": result.usage.generated, "attempt": claim.attempt},
            content_sha256=audit.content_digest(claim.institution_id, result.text),
        )
