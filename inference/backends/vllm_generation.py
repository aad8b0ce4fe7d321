"""A generation by a vLLM server: how it is asked for, and what its stream adds up to."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from inference.api import (
    FinishReason,
    GeneratedTokens,
    GenerateRequest,
    GenerateResult,
    GenerateUsage,
    JsonSchema,
    ModelRef,
)
from inference.backends.reading import Unreadable


class Generation:
    """A generation on its way: what is asked of the server, and what has come back."""

    def __init__(self, request: GenerateRequest, submitted_at: float) -> None:
        self._request = request
        self._submitted_at = submitted_at
        self._started_at = time.monotonic()
        self._first_at: float | None = None
        self._tokens: list[int] = []
        self._logprobs: list[float] = []
        self._text: list[str] = []
        self._finish: FinishReason | None = None
        self._usage = (0, 0)

    def asked(self, record: Sequence[int]) -> dict[str, Any]:
        """The request in the server's words."""
        request, sampling = self._request, self._request.sampling
        asked: dict[str, Any] = {
            "prompt": list(record),
            "max_tokens": request.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "stop": list(request.stop_texts),
            "return_token_ids": True,
        }
        if sampling.top_k is not None:
            asked["top_k"] = sampling.top_k
        if request.stop_tokens is not None:
            asked |= {"stop_token_ids": sorted(request.stop_tokens), "ignore_eos": True}
        if request.logprobs:
            asked["logprobs"] = 0
        if isinstance(request.constraint, JsonSchema):
            asked["structured_outputs"] = {"json": json.loads(request.constraint.schema)}
        return asked

    def take(self, chunk: Mapping[str, Any]) -> GeneratedTokens:
        """Note one chunk of the stream; returns what it added. Raises Unreadable."""
        try:
            if usage := chunk.get("usage"):
                cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
                self._usage = (int(usage["prompt_tokens"]), int(cached))
            if not chunk["choices"]:
                return GeneratedTokens(tokens=(), text="")
            return self._take_choice(chunk["choices"][0])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise Unreadable("a piece of the stream cannot be read") from error

    def _take_choice(self, choice: Mapping[str, Any]) -> GeneratedTokens:
        tokens = [int(token) for token in choice.get("token_ids") or ()]
        if choice.get("finish_reason"):
            self._finish = FinishReason(choice["finish_reason"])
            if self._finish is FinishReason.STOP and not isinstance(choice.get("stop_reason"), str):
                tokens = tokens[:-1]  # the stop token itself
        if self._first_at is None:
            self._first_at = time.monotonic()
        self._tokens += tokens
        self._text.append(str(choice["text"]))
        if self._request.logprobs:
            self._logprobs += [float(value) for value in choice["logprobs"]["token_logprobs"][: len(tokens)]]
        return GeneratedTokens(tokens=tuple(tokens), text=self._text[-1])

    def result(self, model: ModelRef) -> GenerateResult:
        """What became of the generation. Raises Unreadable if the stream did not say how it ended."""
        if self._finish is None or self._first_at is None:
            raise Unreadable("the stream did not say how it ended")
        prompt, cached = self._usage
        return GenerateResult(
            request_id=self._request.id,
            tokens=tuple(self._tokens),
            text="".join(self._text),
            finish_reason=self._finish,
            logprobs=tuple(self._logprobs),
            usage=GenerateUsage(
                prompt=prompt,
                cached=cached,
                shared=0,
                computed=prompt - cached,
                generated=len(self._tokens),
                drafted=0,
                accepted=0,
                forced=0,
            ),
            model=model,
            queue_ms=1000.0 * (self._started_at - self._submitted_at),
            first_token_ms=1000.0 * (self._first_at - self._submitted_at),
            compute_ms=1000.0 * (time.monotonic() - self._started_at),
        )
