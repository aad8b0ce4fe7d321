"""What entrants are asked and what they answer, as both sides of a pipe read it.

Free of torch and of Assay: peers read it in an environment of their own.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

Task = Literal["score", "questions", "generate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Prompts given at once.

    Attributes:
        task: one label for each prompt; the same for questions about one record; or new tokens.
        prompts: token ids.
        labels: token ids of the possible answers.
        shared: so many leading tokens are the same in all prompts.
        new_tokens: to generate for each prompt.
    """

    task: Task
    prompts: list[list[int]]
    labels: list[int]
    shared: int = 0
    new_tokens: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What an entrant made of a batch.

    Attributes:
        tokens: for each prompt the likeliest label, or the generated tokens.
        margins: for each prompt, how far the best label's logit is above the second's; None if the entrant
            does not tell.
        computed: positions that went through the model; None if the entrant does not tell.
    """

    tokens: list[list[int]]
    margins: list[float] | None = None
    computed: int | None = None


class Entrant(Protocol):
    """Somebody who answers batches. Made in its own process, as ``Entrant(model folder, threads)``."""

    def settings(self, task: Task, /) -> list[str]:
        """The settings worth trying for a task; the fastest is taken."""

    def use(self, setting: str, /) -> None:
        """Answer with this setting from now on."""

    def answer(self, batch: Batch) -> Answers:
        """Compute it all, and return when the last prompt is answered."""


def best_label(logits: Any, labels: list[int]) -> tuple[int, float]:
    """The likeliest of the labels, given all logits of a position, and its distance to the second."""
    ranked = sorted(((float(logits[label]), label) for label in labels), reverse=True)
    return ranked[0][1], ranked[0][0] - ranked[1][0]
