"""From the engine's answers to a calibrated score, an anomaly type and what each group contributed."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from inference.api import Answer
from riskscore.anomalies import ANOMALY_TYPES, AnomalyType
from riskscore.encoding import ANOMALY, FRAUD, GROUPS, ablation_id

PLACES = Decimal("0.0001")


class CalibrationError(ValueError):
    """A calibration file that does not say what a calibration needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """Platt scaling of one model release, fitted on accounts it was not trained on.

    Attributes:
        version: names the fit in every answer.
        prior: share of fraud among the events it was fitted on, 0-1.
    """

    slope: float
    intercept: float  # log-odds
    prior: float = 0.01
    version: str = ""

    def __post_init__(self) -> None:
        if not (0.0 < self.prior < 1.0 and self.slope > 0.0 and math.isfinite(self.slope + self.intercept)):
            raise CalibrationError(
                "a calibration needs a positive slope, a finite intercept and a prior between 0 and 1"
            )

    def for_prior(self, prior: float) -> "Calibration":
        """The calibration where another share of events is fraudulent and all else is equal (prior shift).

        Raises:
            CalibrationError: the prior is not strictly between 0 and 1.
        """
        if not 0.0 < prior < 1.0:
            raise CalibrationError("a prior lies between 0 and 1")
        shift = math.log(prior / (1.0 - prior)) - math.log(self.prior / (1.0 - self.prior))
        return Calibration(slope=self.slope, intercept=self.intercept + shift, prior=prior, version=self.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskScore:
    """What the model says of one event.

    Attributes:
        score: probability that it is fraudulent, calibrated, four places.
        logit: log-odds of yes against no, before calibration.
        anomaly: the most probable type, and all of them with their probability, most probable first.
        contributions: by group, how much calibrated log-odds fall when the group is forgotten; positive
            raised the score.
        label_mass: share of the vocabulary that the labels held, 0-1; low means the model was asked
            something strange.
    """

    score: Decimal
    logit: float
    anomaly: AnomalyType
    anomalies: tuple[tuple[AnomalyType, Decimal], ...]
    contributions: Mapping[str, float]
    label_mass: float


def calibrated_score(logit: float, calibration: Calibration) -> Decimal:
    """Probability that the event is fraudulent, to four places.

    >>> calibrated_score(0.0, Calibration(slope=1.0, intercept=0.0))
    Decimal('0.5000')
    """
    log_odds = calibration.slope * logit + calibration.intercept
    probability = 0.5 * (1.0 + math.tanh(log_odds / 2.0))  # never overflows, unlike exp
    return Decimal(probability).quantize(PLACES)


def assess(answers: Iterable[Answer], calibration: Calibration) -> RiskScore:
    """Read the answers to `riskscore.encoding.questions`.

    Ablated questions that were not asked have no contribution.

    Raises:
        KeyError: one of the two base questions has no answer.
    """
    by_id = {answer.question_id: answer for answer in answers}
    fraud, anomaly = by_id[FRAUD], by_id[ANOMALY]
    logit = _log_odds(fraud)
    ranked = sorted(zip(ANOMALY_TYPES, anomaly.probabilities, strict=True), key=lambda pair: -pair[1])
    return RiskScore(
        score=calibrated_score(logit, calibration),
        logit=logit,
        anomaly=ranked[0][0],
        anomalies=tuple((kind, Decimal(probability).quantize(PLACES)) for kind, probability in ranked),
        contributions={
            group: calibration.slope * (logit - _log_odds(by_id[ablation_id(group)]))
            for group in GROUPS
            if ablation_id(group) in by_id
        },
        label_mass=fraud.label_mass,
    )


def parse_calibration(text: str) -> Calibration:
    """The calibration that a checkpoint's ``calibration.json`` holds.

    Raises:
        CalibrationError: not JSON, another method than Platt scaling, or a value missing or impossible.
    """
    try:
        values: Any = json.loads(text)
        method = values["method"]
        numbers = {name: float(values[name]) for name in ("slope", "intercept", "prior")}
        version = str(values["version"])
    except (KeyError, TypeError, ValueError) as error:
        raise CalibrationError("calibration.json needs method, slope, intercept, prior and version") from error
    if method != "platt":
        raise CalibrationError("the only method known is platt")
    return Calibration(**numbers, version=version)


def _log_odds(answer: Answer) -> float:
    no, yes = answer.logits
    return yes - no
