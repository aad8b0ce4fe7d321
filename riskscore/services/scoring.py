"""Answering an assessment: by the model where it answers in time, by the rules alone where it does not."""

import json
import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.common.encryption import sealed_value
from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.services import Claim
from apps.jobs.work import perform
from inference.api import (
    DeadlineExceeded,
    Engine,
    EngineError,
    EventPosition,
    ModelRef,
    Priority,
    ScoreRequest,
    ScoreResult,
)
from riskscore.documents import read_hit, read_list_hit, read_thresholds
from riskscore.encoding import history_start, questions
from riskscore.models import RiskAssessment
from riskscore.policy import Decision, combine, combine_without_model
from riskscore.querysets import packed_history
from riskscore.rules import rules_only
from riskscore.scoring import Calibration, RiskScore, assess, parse_calibration
from riskscore.services import notices, trail

MOST_REASONS = 4  # principal reasons, as adverse-action notices have it
SMALLEST_CONTRIBUTION = 0.05  # calibrated log-odds; below it the fourth decimal of most scores stands still


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """The model that is to answer, and how its logits are read.

    Attributes:
        name: as the engine knows the checkpoint.
        digest: of the checkpoint the calibration was fitted on.
    """

    name: str
    digest: str
    calibration: Calibration

    @classmethod
    def of(cls, ref: ModelRef, card: Mapping[str, Any]) -> "Release":
        """The release a worker serves, with the calibration that was registered with it.

        Raises:
            CalibrationRefused: the card holds none that can be used.
        """
        calibration = parse_calibration(json.dumps(card.get("calibration")))
        return cls(name=ref.name, digest=ref.digest, calibration=calibration)


class Unusable(EngineError):
    """The engine answered with something that is no answer to an assessment."""

    code = "unusable_answer"


def score_assessment(
    *,
    job_id: UUID,
    engine: Engine,
    release: Release,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float] = time.monotonic,
) -> bool:
    """Do one attempt at an assessment's job. Safe to call twice, and from any number of workers.

    Returns:
        Whether this call completed the assessment with the model's answer.
    """

    def attempt(claim: Claim) -> None:
        owned = RiskAssessment.objects.filter(institution_id=claim.institution_id)
        assessment = owned.select_related("event").defer(*UNREAD).get(pk=claim.subject_id)
        result = _ask(engine, _request(claim, assessment, release, clock, monotonic), claim, clock)
        _complete(claim, assessment, result, release, clock)

    return perform(job_id=job_id, work=attempt, clock=clock)


UNREAD = ("event__features", "event__content", "event__packed")


def degrade(job: Job, now: datetime) -> None:
    """Give the answer of the rules alone, because the job ended without the model's.

    Runs inside the transaction that ends the job. An assessment that has an answer keeps it.
    """
    owned = RiskAssessment.objects.filter(institution_id=job.institution_id)
    assessment = owned.only("rule_hits", "status").get(pk=job.subject_id)
    hits = tuple(read_hit(document) for document in assessment.rule_hits)
    answer = rules_only(hits)
    decision = combine_without_model(hits)
    pending = RiskAssessment.objects.filter(pk=assessment.pk, status=RiskAssessment.Status.PENDING)
    degraded = pending.update(
        status=RiskAssessment.Status.COMPLETED,
        completed_at=now,
        degraded=True,
        degraded_code=job.error_code,
        anomaly_type=answer.anomaly,
        **_decided(decision),
    )
    if degraded:
        trail.answered(
            "risk_assessment.degraded",
            assessment_id=assessment.pk,
            institution_id=job.institution_id,
            answer=[decision.outcome, answer.anomaly],
            details={"code": job.error_code},
            now=now,
        )
        notices.tell_degraded(job=job, now=now)


def _request(
    claim: Claim,
    assessment: RiskAssessment,
    release: Release,
    clock: Callable[[], datetime],
    monotonic: Callable[[], float],
) -> ScoreRequest:
    event = assessment.event
    packed = packed_history(
        claim.institution_id,
        event.account_id,
        start=history_start(event.sequence),
        stop=event.sequence,
        encoding=assessment.encoding,
    )
    profile, current = (EventPosition(bytes(raw)) for raw in (assessment.profile_packed, assessment.current_packed))
    return ScoreRequest(
        id=f"{claim.job_id}:{claim.fence}",
        model=release.name,
        namespace=str(claim.institution_id),
        record=tuple(map(EventPosition, packed)),
        questions=questions(profile, current),
        priority=Priority.INTERACTIVE,
        deadline_at=monotonic() + (claim.deadline_at - clock()).total_seconds(),
    )


def _ask(engine: Engine, request: ScoreRequest, claim: Claim, clock: Callable[[], datetime]) -> ScoreResult:
    future = engine.submit(request)
    try:
        return future.result(timeout=max(0.0, (claim.deadline_at - clock()).total_seconds()))
    except (FutureTimeout, CancelledError):
        engine.cancel(request.id)
        raise DeadlineExceeded("the engine had not answered by the deadline") from None


def _complete(
    claim: Claim, assessment: RiskAssessment, result: ScoreResult, release: Release, clock: Callable[[], datetime]
) -> None:
    score = _read(result, release)
    hits = tuple(read_hit(document) for document in assessment.rule_hits)
    lists = tuple(read_list_hit(document) for document in assessment.list_hits)
    decision = combine(score.score, hits, read_thresholds(assessment.thresholds), lists)
    with transaction.atomic():
        now = clock()
        jobs.finish(claim=claim, now=now)
        RiskAssessment.objects.filter(pk=assessment.pk, status=RiskAssessment.Status.PENDING).update(
            status=RiskAssessment.Status.COMPLETED,
            completed_at=now,
            score=score.score,
            anomaly_type=score.anomaly,
            anomaly_probabilities={kind.value: float(share) for kind, share in score.anomalies},
            reasons=_sealed_reasons(assessment, score),
            **_decided(decision),
            **_provenance(result, release),
        )
        trail.answered(
            "risk_assessment.completed",
            assessment_id=assessment.pk,
            institution_id=assessment.institution_id,
            answer=[score.score, decision.outcome, score.anomaly],
            details={"model_digest": result.model.digest, "attempt": claim.attempt},
            now=now,
        )
        notices.tell_completed(
            institution_id=claim.institution_id, assessment_id=assessment.pk, job_id=claim.job_id, now=now
        )


def _read(result: ScoreResult, release: Release) -> RiskScore:
    """The model's answer, if it is one.

    Raises:
        Unusable: another checkpoint answered than the calibration is for, or it said nothing finite.
    """
    if result.model.digest != release.digest:
        raise Unusable("another checkpoint answered than the calibration is for")
    if not all(math.isfinite(value) for answer in result.answers for value in (*answer.logits, *answer.probabilities)):
        raise Unusable("a logit is not finite")
    return assess(result.answers, release.calibration)


def _sealed_reasons(assessment: RiskAssessment, score: RiskScore) -> Any:
    return sealed_value(
        RiskAssessment,
        "reasons",
        institution_id=assessment.institution_id,
        row=assessment.pk,
        value=_reasons(score, assessment.evidence),
    )


def _reasons(score: RiskScore, evidence: Mapping[str, Any]) -> list[dict[str, Any]]:
    ranked = sorted(score.contributions.items(), key=lambda item: (-abs(item[1]), item[0]))
    return [
        {
            "code": f"{group}.{'raises' if contribution > 0 else 'lowers'}",
            "contribution": round(contribution, 4),
            "evidence": evidence.get(group, []),
        }
        for group, contribution in ranked[:MOST_REASONS]
        if abs(contribution) >= SMALLEST_CONTRIBUTION
    ]


def _decided(decision: Decision) -> dict[str, Any]:
    return {
        "outcome": decision.outcome,
        "risk_level": decision.risk_level,
        "causes": [str(cause) for cause in decision.causes],
    }


def _provenance(result: ScoreResult, release: Release) -> dict[str, Any]:
    return {
        "model_name": result.model.name,
        "model_digest": result.model.digest,
        "model_precision": result.model.precision,
        "model_kernels": result.model.kernels,
        "calibration_version": release.calibration.version,
        "positions_total": result.usage.total,
        "positions_cached": result.usage.cached,
        "positions_shared": result.usage.shared,
        "queue_ms": result.queue_ms,
        "infer_ms": result.compute_ms,
    }
