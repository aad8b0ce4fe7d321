"""From answers to a score."""

from decimal import Decimal

import pytest

from inference.api import Answer
from riskscore.anomalies import AnomalyType
from riskscore.scoring import Calibration, CalibrationError, assess, calibrated_score, parse_calibration

PLAIN = Calibration(slope=1.0, intercept=0.0)


def answer(question: str, *logits: float) -> Answer:
    probabilities = tuple(1.0 / len(logits) for _ in logits)
    return Answer(question_id=question, logits=logits, probabilities=probabilities, label_mass=0.97)


@pytest.mark.parametrize(
    ("logit", "slope", "intercept", "score"),
    [
        (0.0, 1.0, 0.0, "0.5000"),
        (2.0, 1.0, 0.0, "0.8808"),
        (2.0, 0.5, -1.0, "0.5000"),
        (1e9, 1.0, 0.0, "1.0000"),
        (-1e9, 1.0, 0.0, "0.0000"),
    ],
)
def test_a_logit_becomes_a_probability_of_four_places(logit, slope, intercept, score):
    assert calibrated_score(logit, Calibration(slope=slope, intercept=intercept)) == Decimal(score)


def test_a_rarer_fraud_lowers_the_score_by_the_odds():
    half = Calibration(slope=1.0, intercept=0.0, prior=0.5)

    assert calibrated_score(0.0, half.for_prior(0.01)) == Decimal("0.0100")


@pytest.mark.parametrize("prior", [0.0, 1.0, -0.1, float("nan")])
def test_an_impossible_prior_is_refused(prior):
    with pytest.raises(CalibrationError):
        PLAIN.for_prior(prior)


def test_answers_become_a_score_a_type_and_contributions():
    others = (0.05,) * 11
    answers = [
        answer("fraud", 0.5, 2.5),
        Answer(question_id="anomaly", logits=(0.0,) * 13, probabilities=(0.1, 0.35, *others), label_mass=0.9),
        answer("fraud-without-amount", 1.0, 1.5),
        answer("fraud-without-device", 0.0, 3.0),
    ]

    found = assess(answers, Calibration(slope=2.0, intercept=-1.0))

    assert found.score == Decimal("0.9526")
    assert found.anomaly is AnomalyType.CARD_TESTING
    assert found.anomalies[0] == (AnomalyType.CARD_TESTING, Decimal("0.3500"))
    assert found.contributions == {"amount": 3.0, "device": -2.0}
    assert found.label_mass == 0.97


def test_a_missing_base_question_is_an_error():
    with pytest.raises(KeyError):
        assess([answer("fraud", 0.0, 0.0)], PLAIN)


def test_a_calibration_file_is_read():
    text = '{"method": "platt", "slope": 1.25, "intercept": -0.5, "prior": 0.01, "version": "platt-1"}'

    assert parse_calibration(text) == Calibration(slope=1.25, intercept=-0.5, prior=0.01, version="platt-1")


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"method": "isotonic"}',
        '{"method": "platt", "slope": 0, "intercept": 0, "prior": 0.1, "version": ""}',
        '{"method": "platt", "slope": "steep", "intercept": 0, "prior": 0.1, "version": ""}',
        '{"method": "platt", "slope": NaN, "intercept": 0, "prior": 0.1, "version": ""}',
        '{"method": "platt", "slope": 1, "intercept": 0, "prior": 1, "version": ""}',
    ],
)  # fmt: skip
def test_a_broken_calibration_file_is_refused(text):
    with pytest.raises(CalibrationError):
        parse_calibration(text)
