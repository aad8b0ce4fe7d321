"""An engine that answers as a test wrote down: it stands in for the real one wherever torch would be in the way."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from math import exp
from typing import Any

from inference.api import (
    Answer,
    Cancelled,
    EngineError,
    EngineStats,
    EngineStopped,
    FinishReason,
    GeneratedTokens,
    GenerateRequest,
    GenerateResult,
    GenerateUsage,
    InvalidRequest,
    ModelRef,
    Precision,
    Question,
    ScoreRequest,
    ScoreResult,
    UnknownModel,
    Usage,
)

SCRIPTED = ModelRef(name="risk", digest="0" * 64, precision=Precision.INT8, kernels="scripted")
Script = Mapping[str, Sequence[float]] | Callable[[Question], Sequence[float]]


class ScriptedEngine:
    """Implements `inference.api.Engine` from a script.

    Attributes:
        requests: every request submitted, in order.
        generated: every generation asked for, in order.
        purged: every namespace purged, in order.
    """

    def __init__(
        self,
        logits: Script | None = None,
        *,
        delay_s: float = 0.0,
        failures: Sequence[EngineError | None] = (),
        label_mass: float = 0.99,
        model: ModelRef = SCRIPTED,
        pieces: Sequence[GeneratedTokens] = (),
    ) -> None:
        """Write the script.

        Args:
            logits: by question id, or computed from the question; questions not named get falling
                logits 0, -1, -2 ... so that the first label wins.
            delay_s: until each answer; a thread per request sleeps it off.
            failures: what the first requests' futures raise, in order; None lets one succeed.
            pieces: what every generation says, piece by piece, up to its ``max_tokens``.
        """
        self.requests: list[ScoreRequest] = []
        self.generated: list[GenerateRequest] = []
        self.purged: list[str] = []
        self._pieces = tuple(pieces)
        self._logits = logits if logits is not None else {}
        self._delay_s = delay_s
        self._failures = list(failures)
        self._label_mass = label_mass
        self._model = model
        self._flying: dict[str, Future[Any]] = {}
        self._lock = threading.Lock()
        self._draining = False

    def submit(self, request: ScoreRequest) -> "Future[ScoreResult]":
        """Answer a request after the scripted delay, or fail it as scripted."""
        with self._lock:
            future = self._enter(request)
            self.requests.append(request)
        return self._fly(request.id, future, lambda: self._result(request))

    def generate(
        self, request: GenerateRequest, on_tokens: Callable[[GeneratedTokens], None] | None = None
    ) -> "Future[GenerateResult]":
        """Say the scripted pieces after the scripted delay, or fail as scripted."""
        with self._lock:
            future = self._enter(request)
            self.generated.append(request)
        return self._fly(request.id, future, lambda: self._said(request, on_tokens))

    def cancel(self, request_id: str) -> bool:
        """Fail a request that is in flight."""
        with self._lock:
            future = self._flying.pop(request_id, None)
        if future is None:
            return False
        future.set_exception(Cancelled(request_id))
        return True

    def purge(self, namespace: str) -> int:
        """Remember the namespace; there is nothing to forget."""
        self.purged.append(namespace)
        return 0

    def stats(self) -> EngineStats:
        """What is in flight; the pool is imaginary."""
        with self._lock:
            return EngineStats(running=len(self._flying), waiting=0, blocks_free=64, blocks_cached=0, blocks_used=0)

    def drain(self, *, timeout_s: float) -> bool:
        """Refuse new requests and wait for those in flight."""
        with self._lock:
            self._draining = True
        end = time.monotonic() + timeout_s
        while self._flying and time.monotonic() < end:
            time.sleep(0.005)
        return not self._flying

    def _enter(self, request: ScoreRequest | GenerateRequest) -> "Future[Any]":
        if self._draining:
            raise EngineStopped("the engine drains")
        if request.model != self._model.name:
            raise UnknownModel(request.model)
        if request.id in self._flying:
            raise InvalidRequest(f"request {request.id} is in flight already")
        return self._flying.setdefault(request.id, Future())

    def _fly(self, name: str, future: "Future[Any]", result: Callable[[], object]) -> "Future[Any]":
        with self._lock:
            failure = self._failures.pop(0) if self._failures else None
        if self._delay_s:
            threading.Timer(self._delay_s, self._settle, (name, future, failure, result)).start()
        else:
            self._settle(name, future, failure, result)
        return future

    def _settle(
        self, name: str, future: "Future[Any]", failure: EngineError | None, result: Callable[[], object]
    ) -> None:
        with self._lock:
            if self._flying.pop(name, None) is None:
                return
        if failure is not None:
            future.set_exception(failure)
        else:
            future.set_result(result())

    def _said(self, request: GenerateRequest, on_tokens: Callable[[GeneratedTokens], None] | None) -> GenerateResult:
        said: list[GeneratedTokens] = []
        for piece in self._pieces:
            if sum(len(earlier.tokens) for earlier in (*said, piece)) > request.max_tokens:
                break
            said.append(piece)
            if on_tokens is not None:
                on_tokens(piece)
        tokens = tuple(token for piece in said for token in piece.tokens)
        prompt = len(request.record)
        return GenerateResult(
            request_id=request.id,
            tokens=tokens,
            text="".join(piece.text for piece in said),
            finish_reason=FinishReason.STOP if len(said) == len(self._pieces) else FinishReason.LENGTH,
            logprobs=(),
            usage=GenerateUsage(
                prompt=prompt,
                cached=0,
                shared=0,
                computed=prompt,
                generated=len(tokens),
                drafted=0,
                accepted=0,
                forced=0,
            ),
            model=self._model,
            queue_ms=0.0,
            first_token_ms=1000.0 * self._delay_s,
            compute_ms=1000.0 * self._delay_s,
        )

    def _result(self, request: ScoreRequest) -> ScoreResult:
        total = len(request.record) + sum(len(question.positions) for question in request.questions)
        return ScoreResult(
            request_id=request.id,
            answers=tuple(self._answer(question) for question in request.questions),
            usage=Usage(total=total, cached=0, shared=0, computed=total),
            model=self._model,
            queue_ms=0.0,
            compute_ms=1000.0 * self._delay_s,
        )

    def _answer(self, question: Question) -> Answer:
        logits = tuple(self._scripted(question))
        weights = [exp(logit - max(logits)) for logit in logits]
        probabilities = tuple(weight / sum(weights) for weight in weights)
        return Answer(question_id=question.id, logits=logits, probabilities=probabilities, label_mass=self._label_mass)

    def _scripted(self, question: Question) -> Sequence[float]:
        if callable(self._logits):
            return self._logits(question)
        return self._logits.get(question.id, [-float(rank) for rank in range(len(question.labels))])
