"""Measures of a score against what the books say in the end."""

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]
BINS = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """How well probabilities tell fraud from the rest.

    Attributes:
        auroc: chance that a fraud scores above an honest event; ties count half.
        ap: average precision, area under precision over recall.
        recall_at_1pct_fpr: share of frauds above the score that one honest event in a hundred exceeds.
        brier: mean squared error of the probability.
        ece: expected calibration error over 15 bins of equal size.
    """

    auroc: float
    ap: float
    recall_at_1pct_fpr: float
    brier: float
    ece: float

    def as_dict(self) -> dict[str, float]:
        """Rounded to four places (Brier and ECE to five), for JSON."""
        places = {"brier": 5, "ece": 5}
        return {name: round(value, places.get(name, 4)) for name, value in asdict(self).items()}


def measure(scores: Scores, frauds: Flags) -> Measures:
    """All measures of one score. Raises ValueError unless both classes are present."""
    if not frauds.any() or frauds.all():
        raise ValueError("measures need both frauds and honest events")
    return Measures(
        auroc=auroc(scores, frauds),
        ap=average_precision(scores, frauds),
        recall_at_1pct_fpr=float((scores[frauds] > threshold_at_fpr(scores, frauds, 0.01)).mean()),
        brier=float(np.mean((scores - frauds) ** 2)),
        ece=calibration_error(scores, frauds),
    )


def auroc(scores: Scores, frauds: Flags) -> float:
    """Area under the receiver operating characteristic, by ranks."""
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2.0  # of each value, the mean of its ties
    positives = int(frauds.sum())
    negatives = len(frauds) - positives
    wins = ranks[inverse][frauds].sum() - positives * (positives + 1) / 2.0
    return float(wins / (positives * negatives))


def average_precision(scores: Scores, frauds: Flags) -> float:
    """Sum over thresholds of precision times the recall it adds; equal scores are one threshold."""
    order = np.argsort(-scores, kind="stable")
    ranked, hits = scores[order], np.cumsum(frauds[order])
    last = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True))  # of each run of ties
    precision = hits[last] / (last + 1)
    recall = hits[last] / hits[-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * precision))


def threshold_at_fpr(scores: Scores, frauds: Flags, rate: float) -> float:
    """The score that at most a share ``rate`` of the honest events exceeds."""
    honest = np.sort(scores[~frauds])[::-1]
    return float(honest[min(int(rate * len(honest)), len(honest) - 1)])


def calibration_error(scores: Scores, frauds: Flags) -> float:
    """Mean distance between probability and share of fraud over 15 bins of equal size."""
    parts = np.array_split(np.argsort(scores, kind="stable"), BINS)
    gaps = [abs(float(scores[part].mean() - frauds[part].mean())) * len(part) for part in parts if len(part)]
    return float(sum(gaps) / len(scores))
