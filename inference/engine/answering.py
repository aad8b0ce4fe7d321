"""Scoring as a task: a question's answer is read off the logits of its last position."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from inference.api import Answer, Question, ScoreRequest, ScoreResult, Usage
from inference.engine.prompt import Prompt
from inference.engine.readout import NotFinite, Readout, log_sum_exp
from inference.engine.work import Serving


@dataclass(slots=True)
class Answering:
    """See `inference.engine.work.Task`.

    Attributes:
        answers: of the questions whose last position was computed.
    """

    request: ScoreRequest
    prompt: Prompt
    answers: list[Answer] = field(default_factory=list)

    @property
    def wants_logits(self) -> bool:
        """Of the labels, and of all tokens for their share."""
        return True

    def places(self, start: int, stop: int) -> Sequence[int]:
        """The last position of every question that ends in there."""
        return [last - 1 for _, last in self.prompt.branches if start < last <= stop]

    def read(self, readout: Readout, rows: range, now: float) -> None:  # noqa: ARG002 - see `Task`
        """Answer the next questions. Raises NotFinite."""
        asked = self.request.questions[len(self.answers) :]
        self.answers += [
            answer(question, *readout.chosen(row, question.labels)) for question, row in zip(asked, rows, strict=False)
        ]

    def settle(self, stop: int) -> int:
        """All of them."""
        return stop

    def over(self, done: int) -> bool:
        """Once every position was computed."""
        return done == self.prompt.total

    def restart(self) -> None:
        """Forget the answers."""
        self.answers = []

    def result(self, serving: Serving) -> ScoreResult:
        """The answers, and what they cost."""
        total = self.prompt.total
        return ScoreResult(
            request_id=self.request.id,
            answers=tuple(self.answers),
            usage=Usage(
                total=total,
                cached=serving.cached,
                shared=serving.shared,
                computed=total - serving.cached - serving.shared,
            ),
            model=serving.model,
            queue_ms=serving.queue_ms,
            compute_ms=serving.compute_ms,
        )


def answer(question: Question, chosen: NDArray[np.float64], whole: float) -> Answer:
    """A question's answer by its labels' logits and its whole row, as `Readout.chosen` gives them.

    Raises:
        NotFinite: a logit is NaN or infinite.
    """
    labels = log_sum_exp(chosen)
    if not math.isfinite(whole):
        raise NotFinite("the model's logits are not finite")
    return Answer(
        question_id=question.id,
        logits=tuple(chosen.tolist()),
        probabilities=tuple(np.exp(chosen - labels).tolist()),
        label_mass=min(1.0, math.exp(labels - whole)),
    )
