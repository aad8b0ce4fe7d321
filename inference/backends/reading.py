"""Closed answers from log-probabilities or logits, as every adapter reads them."""

from collections.abc import Sequence
from math import exp, isfinite, log

from inference.api import Answer, EngineError, InvalidRequest, Position, Question, TokenPosition


class Unreadable(EngineError):
    """What came back is no answer."""

    code = "unreadable"


def answer_of(question: Question, logprobs: Sequence[float]) -> Answer:
    """An answer from its labels' log-probabilities over the whole vocabulary.

    The log-probabilities stand for the logits, from which they differ by a constant.

    Raises:
        Unreadable: one is not a number, or positive.
    """
    if not all(isfinite(value) and value <= 1e-3 for value in logprobs):
        raise Unreadable("a log-probability is not one")
    highest = max(logprobs)
    weights = [exp(value - highest) for value in logprobs]
    whole = sum(weights)
    return Answer(
        question_id=question.id,
        logits=tuple(logprobs),
        probabilities=tuple(weight / whole for weight in weights),
        label_mass=min(1.0, exp(highest + log(whole))),
    )


def token_ids(positions: Sequence[Position]) -> list[int]:
    """Token ids of positions. Raises InvalidRequest if one is an event."""
    ids = [position.token for position in positions if isinstance(position, TokenPosition)]
    if len(ids) != len(positions):
        raise InvalidRequest("this backend reads tokens only")
    return ids
