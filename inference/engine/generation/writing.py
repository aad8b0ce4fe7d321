"""Generation as a task: each row of logits gives a token, and the line grows by it."""

from collections.abc import Callable, Sequence

import numpy as np

from inference.api import (
    EngineError,
    FinishReason,
    GeneratedTokens,
    GenerateRequest,
    GenerateResult,
    GenerateUsage,
)
from inference.engine.generation.constrain import Matcher
from inference.engine.generation.lookup import PromptLookup
from inference.engine.generation.sampling import Sampler
from inference.engine.generation.telling import Telling
from inference.engine.prompt import Prompt
from inference.engine.readout import Readout, log_sum_exp
from inference.engine.work import Serving

Listener = Callable[[GeneratedTokens], None]


class Writing:
    """See `inference.engine.work.Task`.

    Guesses stand in the line behind what is certain and are computed with it. The logits before a guess say what
    comes there; the guess holds if it is that, and everything behind a wrong one is taken back. So a guess decides
    nothing: it only had its place computed early.
    """

    def __init__(
        self,
        request: GenerateRequest,
        prompt: Prompt,
        *,
        telling: Telling,
        stop_tokens: frozenset[int],
        matcher: Matcher | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._request = request
        self._prompt = prompt
        self._recorded = prompt.certain
        self._telling = telling
        self._stop_tokens = stop_tokens
        self._matcher = matcher
        self._listener = listener
        self._sampler = Sampler(request.sampling) if request.sampling.temperature > 0.0 else None
        self._lookup = PromptLookup(prompt.tokens[: prompt.certain].tolist()) if request.speculate else None
        self._logprobs: list[float] = []
        self._finish: FinishReason | None = None
        self._first_token_at: float | None = None
        self._drafted = self._accepted = self._forced = 0
        self._holds: int | None = None
        self._force_ahead()

    @property
    def wants_logits(self) -> bool:
        """Unless it takes whatever is likeliest."""
        return self._sampler is not None or self._matcher is not None or self._request.logprobs

    def places(self, start: int, stop: int) -> Sequence[int]:
        """The last certain position and the guesses behind it."""
        return range(max(start, self._prompt.certain - 1), stop)

    def read(self, readout: Readout, rows: range, now: float) -> None:
        """Choose what comes next, as far as the rows tell. Raises NotFinite, and EngineError if the listener raised."""
        if not rows:
            return
        guesses = self._prompt.guesses()[: len(rows) - 1]
        new: list[int] = []
        while self._finish is None and len(new) < len(rows) and new == guesses[: len(new)]:
            self._choose(readout, rows[len(new)], new)
        right = _common(new, guesses)
        if self._lookup is not None:
            self._drafted += len(guesses)
            self._accepted += right
            self._lookup.learn(guessed=len(guesses), right=right)
        self._holds = self._prompt.certain + right
        self._prompt.append(new)
        self._first_token_at = self._first_token_at or now
        self._guess(new)
        self._tell()

    def settle(self, stop: int) -> int:
        """What was computed for a wrong guess does not hold."""
        holds, self._holds = self._holds, None
        return stop if holds is None else min(stop, holds)

    def over(self, done: int) -> bool:  # noqa: ARG002 - see `Task`
        """Once something ended it."""
        return self._finish is not None

    def restart(self) -> None:
        """What was generated stays and is read again; what was guessed goes."""
        self._holds = None
        self._prompt.guess(())

    def result(self, serving: Serving) -> GenerateResult:
        """The tokens and the text, and what they cost."""
        assert self._finish is not None
        assert self._first_token_at is not None
        cached = min(serving.cached, self._recorded)
        shared = min(serving.shared, self._recorded - cached)
        tokens = tuple(self._telling.tokens)
        return GenerateResult(
            request_id=self._request.id,
            tokens=tokens,
            text=self._telling.text,
            finish_reason=self._finish,
            logprobs=tuple(self._logprobs[: len(tokens)]),
            usage=GenerateUsage(
                prompt=self._recorded,
                cached=cached,
                shared=shared,
                computed=self._recorded - cached - shared,
                generated=len(tokens),
                drafted=self._drafted,
                accepted=self._accepted,
                forced=self._forced,
            ),
            model=serving.model,
            queue_ms=serving.queue_ms,
            first_token_ms=1000.0 * (self._first_token_at - serving.submitted_at),
            compute_ms=serving.compute_ms,
        )

    def _choose(self, readout: Readout, row: int, new: list[int]) -> None:
        """The next token by its logits, and what the constraint then leaves no choice about."""
        likeliest = readout.likeliest(row)
        if self._matcher is not None:
            struck = np.where(self._matcher.allowed(), readout.row(row), -np.inf)
            token = int(struck.argmax()) if self._sampler is None else self._sampler.choose(struck)
        else:
            token = likeliest if self._sampler is None else self._sampler.choose(readout.row(row))
        if self._request.logprobs:
            line = readout.row(row).astype(np.float64)
            self._logprobs.append(float(line[token]) - log_sum_exp(line))
        self._take(token, new)
        while self._matcher is not None and self._finish is None and (forced := self._matcher.forced()):
            for token in forced:
                if self._finish is None:
                    self._forced += 1
                    self._logprobs += [float("nan")] * self._request.logprobs
                    self._take(token, new)

    def _force_ahead(self) -> None:
        """Read what is forced at the beginning with the record; the last of it stays to be chosen from one."""
        ahead = () if self._matcher is None else self._matcher.forced()[: self._request.max_tokens][:-1]
        new: list[int] = []
        for token in ahead:
            self._forced += 1
            self._logprobs += [float("nan")] * self._request.logprobs
            self._take(token, new)
        self._prompt.append(new)

    def _take(self, token: int, new: list[int]) -> None:
        """Go on by a token, or end before it or after it."""
        if token in self._stop_tokens:
            self._finish = FinishReason.STOP
            return
        new.append(token)
        if self._matcher is not None:
            self._matcher.accept(token)
        if self._telling.add(token) or (self._matcher is not None and self._matcher.complete):
            self._finish = FinishReason.STOP
        elif len(self._telling.tokens) == self._request.max_tokens:
            self._finish = FinishReason.LENGTH

    def _guess(self, new: list[int]) -> None:
        if self._lookup is None or self._finish is not None:
            return
        self._lookup.add(new)
        guesses = self._lookup.guess(self._prompt.capacity - self._prompt.certain - 1)
        if guesses and self._matcher is not None:
            guesses = guesses[: self._matcher.viable(guesses)]
        self._prompt.guess(guesses, odds=self._lookup.odds)

    def _tell(self) -> None:
        if self._listener is None:
            return
        news = self._telling.news(ended=self._finish is not None)
        if not news.tokens and not news.text:
            return
        try:
            self._listener(news)
        except Exception as error:
            raise EngineError("whoever listens to the generation failed") from error


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    """Length of the common beginning."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
