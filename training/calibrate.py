"""Platt scaling, fitted on accounts the model never saw."""

import numpy as np

from riskscore.scoring import Calibration
from training.metrics import Flags, Scores

STEPS = 100
SMALLEST_STEP = 1e-9


def fit_platt(logits: Scores, frauds: Flags, *, version: str) -> Calibration:
    """Slope and intercept that make the logits' sigmoid a probability, by Newton's method.

    Targets are drawn in as Platt (1999) does, so that a perfect separation stays finite.

    Raises:
        ValueError: only one class is present, or the better logit is not the one of fraud.
    """
    positives, negatives = int(frauds.sum()), int((~frauds).sum())
    if not positives or not negatives:
        raise ValueError("a calibration needs both frauds and honest events")
    high, low = (positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0)
    targets = np.where(frauds, high, low)
    centre, width = float(logits.mean()), float(logits.std()) or 1.0
    slope, intercept = _newton((logits - centre) / width, targets)
    return Calibration(
        slope=slope / width,
        intercept=intercept - slope * centre / width,
        prior=positives / len(frauds),
        version=version,
    )


def _newton(values: Scores, targets: Scores) -> tuple[float, float]:
    """Slope and intercept of least cross-entropy; every step is halved until it lowers it."""
    design = np.stack([values, np.ones_like(values)], axis=1)
    share = float(targets.mean())
    weights = np.array([1.0, np.log(share / (1.0 - share))])
    for _ in range(STEPS):
        predicted = probability(design @ weights)
        gradient = design.T @ (predicted - targets)
        curvature = (design * (predicted * (1.0 - predicted))[:, None]).T @ design + 1e-9 * np.eye(2)
        step, before = np.linalg.solve(curvature, gradient), _loss(design @ weights, targets)
        while np.abs(step).max() > SMALLEST_STEP and _loss(design @ (weights - step), targets) > before:
            step = step / 2.0
        weights = weights - step
        if np.abs(step).max() <= SMALLEST_STEP:
            break
    return float(weights[0]), float(weights[1])


def _loss(log_odds: Scores, targets: Scores) -> float:
    return float(np.sum(np.logaddexp(0.0, log_odds) - targets * log_odds))


def calibrated(logits: Scores, calibration: Calibration) -> Scores:
    """Probabilities of many logits; `riskscore.scoring.calibrated_score` for one."""
    return probability(calibration.slope * logits + calibration.intercept)


def probability(log_odds: Scores) -> Scores:
    """Sigmoid that never overflows."""
    return np.asarray(0.5 * (1.0 + np.tanh(log_odds / 2.0)), dtype=np.float64)
