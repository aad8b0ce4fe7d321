"""Measures and calibration, by hand."""

import numpy as np
import pytest

from training.calibrate import calibrated, fit_platt
from training.metrics import auroc, average_precision, calibration_error, measure, threshold_at_fpr

SCORES = np.array([0.9, 0.8, 0.7, 0.7, 0.2, 0.1])
FRAUDS = np.array([True, False, True, False, False, False])


def test_auroc_counts_ties_half():
    assert auroc(SCORES, FRAUDS) == pytest.approx(6.5 / 8)


def test_average_precision_takes_ties_at_once():
    assert average_precision(SCORES, FRAUDS) == pytest.approx(0.5 * 1.0 + 0.5 * 0.5)


def test_a_threshold_lets_no_more_honest_events_through_than_its_rate():
    assert threshold_at_fpr(SCORES, FRAUDS, 0.25) == 0.7
    assert threshold_at_fpr(SCORES, FRAUDS, 0.0) == 0.8


def test_a_perfect_probability_has_no_calibration_error():
    assert calibration_error(np.array([0.0] * 30 + [1.0] * 15), np.array([False] * 30 + [True] * 15)) == 0.0


def test_measures_need_both_classes():
    with pytest.raises(ValueError, match="both"):
        measure(SCORES, np.zeros(6, dtype=bool))


def test_platt_scaling_finds_the_odds_it_was_given():
    rng = np.random.default_rng(0)
    logits = rng.normal(0.0, 2.0, 60_000)
    frauds = rng.random(60_000) < 1.0 / (1.0 + np.exp(-(0.5 * logits - 3.0)))

    found = fit_platt(logits, frauds, version="v")

    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(-3.0, abs=0.08)
    assert found.prior == pytest.approx(frauds.mean())
    assert calibrated(logits, found).mean() == pytest.approx(frauds.mean(), abs=1e-4)


def test_platt_scaling_of_a_perfect_separation_stays_finite():
    found = fit_platt(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([False, False, True, True]), version="v")

    assert 0.0 < found.slope < 10.0


def test_platt_scaling_needs_both_classes():
    with pytest.raises(ValueError, match="both"):
        fit_platt(np.array([1.0, 2.0]), np.array([True, True]), version="v")
