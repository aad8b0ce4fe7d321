"""A vLLM server as a backend, over its documented HTTP interface.

Scores are read off `/v1/completions`: one prompt a question, one token each, with the log-probabilities of exactly
the label tokens (`logprob_token_ids`). `/generative_scoring` would give the first label's share alone, and no label
mass. Generations use the same address, since a record is token ids already and a chat template would change it.

Nothing is tried twice: the job's lease decides about that. No content is logged or quoted in an error.
"""

import hmac
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from inference.api import (
    Choices,
    EngineError,
    EngineStats,
    GeneratedTokens,
    GenerateRequest,
    GenerateResult,
    InvalidRequest,
    ModelRef,
    Precision,
    Priority,
    ScoreRequest,
    ScoreResult,
    UnknownModel,
    Usage,
    WindowExceeded,
)
from inference.backends.base import Ability, BackendRefused, Served
from inference.backends.desk import Desk, Flight
from inference.backends.reading import answer_of, token_ids
from inference.backends.vllm_client import Client, label_logprobs
from inference.backends.vllm_generation import Generation
from inference.metrics import EngineObserver

ALWAYS = frozenset({Ability.GENERATE, Ability.STREAM})


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmConfig:
    """Where a vLLM server is, and what it serves.

    Attributes:
        url: up to, and without, ``/v1``.
        models: our names of what it serves; its ``--served-model-name``.
        key: its ``--api-key``, or empty.
        ca_file: PEM certificates to check it against, or empty for the public ones.
        salt_key: keys the salts that keep namespaces apart; at least 16 bytes.
        precision: that it was started with; it does not say so itself.
        connect_s, timeout_s: the longest to wait for a connection, and for an answer without a deadline.
        workers: the most requests under way at the same time.
    """

    url: str
    models: tuple[str, ...]
    salt_key: bytes = field(repr=False)
    key: str = field(default="", repr=False)
    ca_file: str = ""
    precision: Precision = Precision.BF16
    connect_s: float = 2.0
    timeout_s: float = 30.0
    workers: int = 64
    max_queue: int = 1024

    def __post_init__(self) -> None:
        if not self.url.startswith(("http://", "https://")):
            raise ValueError("the address of a vLLM server begins with http:// or https://")
        if len(self.salt_key) < 16:
            raise ValueError("salt_key needs at least 16 bytes")


class VllmBackend:
    """Implements `inference.backends.base.Backend`."""

    name = "vllm"

    def __init__(self, config: VllmConfig, *, observer: EngineObserver | None = None) -> None:
        self._config = config
        self._client = Client(
            config.url, key=config.key, ca_file=config.ca_file, connect_s=config.connect_s, timeout_s=config.timeout_s
        )
        self._desk = Desk(workers=config.workers, max_queue=config.max_queue, observer=observer)
        self._served: dict[str, Served] = {}
        self._abilities: dict[str, frozenset[Ability]] = {}
        self._purged: Counter[str] = Counter()

    def start(self) -> None:
        """Ask the server what it serves, and try what it can do with one token of each model.

        Raises:
            BackendRefused: it is not there, refuses the key, or does not serve a model.
        """
        try:
            windows, version = self._client.models(), self._client.version()
            for model in self._config.models:
                if model not in windows:
                    raise BackendRefused(f"the vLLM server does not serve {model}; see its --served-model-name")
                digest = sha256(f"{self._config.url} {model} {version}".encode()).hexdigest()
                ref = ModelRef(name=model, digest=digest, precision=self._config.precision, kernels=f"vllm-{version}")
                self._served[model] = Served(ref=ref, window=windows[model])
                self._abilities[model] = ALWAYS | self._try(model)
        except EngineError as error:
            raise BackendRefused(f"the vLLM server does not answer as one: {error}") from error

    def stop(self) -> None:
        """See `Backend.stop`."""
        self._desk.close()

    def served(self, model: str) -> Served:
        """See `Backend.served`."""
        return self._served[model]

    def abilities(self, model: str) -> frozenset[Ability]:
        """See `Backend.abilities`."""
        return self._abilities[model]

    def submit(self, request: ScoreRequest) -> "Future[ScoreResult]":
        """See `Engine.submit`."""
        self._check(request, max(len(question.positions) for question in request.questions))
        record = token_ids(request.record)
        prompts = [record + token_ids(question.positions) for question in request.questions]
        return self._desk.take(request, lambda flight: self._score(flight, request, prompts))

    def generate(
        self, request: GenerateRequest, on_tokens: Callable[[GeneratedTokens], None] | None = None
    ) -> "Future[GenerateResult]":
        """See `Engine.generate`. A closed list of token sequences cannot be asked for."""
        self._check(request, request.max_tokens)
        if isinstance(request.constraint, Choices):
            raise InvalidRequest("a vLLM server takes closed lists of texts, not of tokens")
        record = token_ids(request.record)
        return self._desk.take(request, lambda flight: self._generate(flight, request, record, on_tokens))

    def cancel(self, request_id: str) -> bool:
        """See `Engine.cancel`; a stream is closed at its next piece, which aborts it at the server."""
        return self._desk.cancel(request_id)

    def purge(self, namespace: str) -> int:
        """Change a namespace's salt, so that nothing cached for it is found again; always 0.

        The server forgets the blocks when it needs their room, and never zeroes them: `Ability.PURGE` is not declared.
        """
        self._purged[namespace] += 1
        return 0

    def stats(self) -> EngineStats:
        """See `Engine.stats`."""
        return self._desk.stats()

    def drain(self, *, timeout_s: float) -> bool:
        """See `Engine.drain`."""
        return self._desk.drain(timeout_s=timeout_s)

    def _check(self, request: ScoreRequest | GenerateRequest, more: int) -> None:
        if request.model not in self._served:
            raise UnknownModel("no model of that name is served")
        window = self._served[request.model].window
        if len(request.record) + more > window:
            raise WindowExceeded(f"{len(request.record) + more} positions do not fit a window of {window}")

    def _try(self, model: str) -> frozenset[Ability]:
        """What a server does not say of itself: servers before `logprob_token_ids`, or with one queue, refuse."""
        found = set()
        probe = self._asked(model, "", Priority.INTERACTIVE)
        if _accepts(lambda: label_logprobs(self._client.complete(probe | _scoring([[0]], [0, 1]), 10.0), [[0, 1]])):
            found |= {Ability.SCORE, Ability.SALT}
        if _accepts(lambda: self._client.complete(probe | {"prompt": [[0]], "max_tokens": 1, "priority": 1}, 10.0)):
            found.add(Ability.PRIORITY)
        return frozenset(found)

    def _asked(self, model: str, namespace: str, priority: Priority) -> dict[str, Any]:
        """What every request says: which model, whose salt, how urgent."""
        asked: dict[str, Any] = {"model": model, "cache_salt": self._salt(namespace)}
        if Ability.PRIORITY in self._abilities.get(model, frozenset()):
            asked["priority"] = int(priority)
        return asked

    def _salt(self, namespace: str) -> str:
        """64 characters that stand for a namespace since its last purge; useless without the key."""
        content = f"{len(namespace)}:{namespace}:{self._purged[namespace]}".encode()
        return hmac.new(self._config.salt_key, content, sha256).hexdigest()

    def _score(self, flight: Flight, request: ScoreRequest, prompts: list[list[int]]) -> ScoreResult:
        started_at = time.monotonic()
        labels = sorted({label for question in request.questions for label in question.labels})
        asked = self._asked(request.model, request.namespace, request.priority) | _scoring(prompts, labels)
        reply = self._client.complete(asked, flight.left_s(self._config.timeout_s))
        rows = label_logprobs(reply, [question.labels for question in request.questions])
        return ScoreResult(
            request_id=request.id,
            answers=tuple(answer_of(q, row) for q, row in zip(request.questions, rows, strict=True)),
            usage=_usage(request, computed=reply.prompt_tokens - reply.cached_tokens),
            model=self._served[request.model].ref,
            queue_ms=1000.0 * (started_at - flight.submitted_at),
            compute_ms=1000.0 * (time.monotonic() - started_at),
        )

    def _generate(
        self,
        flight: Flight,
        request: GenerateRequest,
        record: list[int],
        on_tokens: Callable[[GeneratedTokens], None] | None,
    ) -> GenerateResult:
        asked = self._asked(request.model, request.namespace, request.priority)
        generation = Generation(request, flight.submitted_at)
        limit_s = flight.left_s(self._config.timeout_s)
        for piece in self._client.stream(asked | generation.asked(record), limit_s):
            if flight.abandoned:
                break
            new = generation.take(piece)
            if on_tokens is not None and (new.tokens or new.text):
                on_tokens(new)
        return generation.result(self._served[request.model].ref)


def _scoring(prompts: Sequence[Sequence[int]], labels: Sequence[int]) -> dict[str, Any]:
    return {
        "prompt": [list(prompt) for prompt in prompts],
        "max_tokens": 1,
        "temperature": 0.0,
        "logprobs": len(labels),
        "logprob_token_ids": list(labels),
        "return_tokens_as_token_ids": True,
    }


def _usage(request: ScoreRequest, *, computed: int) -> Usage:
    total = len(request.record) + sum(len(question.positions) for question in request.questions)
    own = max(0, min(total, computed))
    return Usage(total=total, cached=total - own, shared=0, computed=own)


def _accepts(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except InvalidRequest:
        return False
    return True
