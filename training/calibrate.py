"""Platt scaling, fitted on accounts the model never saw."""

import numpy as np

from riskscore.scoring import Calibration
from training.metrics import Flags, Scores

STEPS = 50


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
    design = np.stack([logits, np.ones_like(logits)], axis=1)
    weights = np.array([1.0, 0.0])
    for _ in range(STEPS):
        predicted = probability(design @ weights)
        gradient = design.T @ (predicted - targets)
        curvature = (design * (predicted * (1.0 - predicted))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step / max(1.0, float(np.abs(step).max()))  # a step of one at most
        if np.abs(step).max() < 1e-10:
            break
    return Calibration(
        slope=float(weights[0]), intercept=float(weights[1]), prior=positives / len(frauds), version=version
    )


def calibrated(logits: Scores, calibration: Calibration) -> Scores:
    """Probabilities of many logits; `riskscore.scoring.calibrated_score` for one."""
    return probability(calibration.slope * logits + calibration.intercept)


def probability(log_odds: Scores) -> Scores:
    """Sigmoid that never overflows."""
    return np.asarray(0.5 * (1.0 + np.tanh(log_odds / 2.0)), dtype=np.float64)
