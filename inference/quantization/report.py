"""What a lower precision costs: the same requests at two precisions, compared answer by answer."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inference.api import Answer, Precision, ScoreRequest
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionReport:
    """A lower precision against float32.

    Attributes:
        answers: compared.
        max_delta: largest difference of a label's logit.
        mean_delta: mean absolute difference of the labels' logits.
        max_probability_delta: largest difference of a label's probability.
        top1_agreement: share of answers whose likeliest label is the same.
        auroc_exact: of the first question's last label against the truth; None without truth.
        auroc_delta: lower precision's minus float32's; None without truth.
    """

    answers: int
    max_delta: float
    mean_delta: float
    max_probability_delta: float
    top1_agreement: float
    auroc_exact: float | None = None
    auroc_delta: float | None = None


def answers_at(path: Path, requests: Sequence[ScoreRequest], config: EngineConfig) -> list[tuple[Answer, ...]]:
    """Answer requests by an engine that serves one checkpoint. Raises CheckpointRefused, EngineError."""
    name = requests[0].model
    engine = EngineCore([load_checkpoint(path, name=name, config=config)], config)
    engine.start()
    try:
        return [engine.submit(request).result().answers for request in requests]
    finally:
        engine.stop()


def measure(
    path: Path,
    requests: Sequence[ScoreRequest],
    *,
    config: EngineConfig,
    truth: Sequence[bool] | None = None,
) -> PrecisionReport:
    """Compare a checkpoint at the configured precision with itself at float32."""
    exact = answers_at(path, requests, replace(config, precision=Precision.FP32))
    return compare(exact, answers_at(path, requests, config), truth=truth)


def compare(
    exact: Sequence[tuple[Answer, ...]], other: Sequence[tuple[Answer, ...]], *, truth: Sequence[bool] | None = None
) -> PrecisionReport:
    """Compare answers to the same requests; ``truth`` says for each request whether its last label is right.

    Raises:
        ValueError: the answers are not to the same questions.
    """
    pairs = [(a, b) for before, after in zip(exact, other, strict=True) for a, b in zip(before, after, strict=True)]
    if any(a.question_id != b.question_id for a, b in pairs):
        raise ValueError("answers to different questions cannot be compared")
    deltas = np.concatenate([np.abs(np.subtract(a.logits, b.logits)) for a, b in pairs])
    moves = np.concatenate([np.abs(np.subtract(a.probabilities, b.probabilities)) for a, b in pairs])
    agreed = [np.argmax(a.logits) == np.argmax(b.logits) for a, b in pairs]
    auroc_exact = None if truth is None else _auroc(exact, truth)
    return PrecisionReport(
        answers=len(pairs),
        max_delta=float(deltas.max()),
        mean_delta=float(deltas.mean()),
        max_probability_delta=float(moves.max()),
        top1_agreement=float(np.mean(agreed)),
        auroc_exact=auroc_exact,
        auroc_delta=None if truth is None or auroc_exact is None else _auroc(other, truth) - auroc_exact,
    )


def auroc(scores: Sequence[float], truth: Sequence[bool]) -> float:
    """Chance that a true case scores above a false one; a tie counts half.

    Raises:
        ValueError: there are no true or no false cases.

    >>> auroc([0.1, 0.4, 0.35, 0.8], [False, False, True, True])
    0.75
    """
    values, flags = np.asarray(scores), np.asarray(truth, dtype=bool)
    positives, negatives = values[flags], np.sort(values[~flags])
    if not len(positives) or not len(negatives):
        raise ValueError("AUROC needs both true and false cases")
    below = np.searchsorted(negatives, positives, side="left")
    not_above = np.searchsorted(negatives, positives, side="right")
    return float((below + not_above).sum() / (2 * len(positives) * len(negatives)))


def _auroc(answers: Sequence[tuple[Answer, ...]], truth: Sequence[bool]) -> float:
    firsts = [answer[0] for answer in answers]
    return auroc([answer.logits[-1] - max(answer.logits[:-1]) for answer in firsts], truth)
