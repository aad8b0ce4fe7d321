"""Assessments and labels as JSON. `riskscore.api.schemas` describes the same for the OpenAPI page."""

from decimal import Decimal
from typing import Any

from apps.jobs.models import Job
from riskscore.api.texts import reason_text, rule_text
from riskscore.models import Label, RiskAssessment

MOST_REASONS = 4


def assessment_document(assessment: RiskAssessment) -> dict[str, Any]:
    """Everything a bank is told about an assessment; what is not known yet is null."""
    score, outcome = assessment.score, assessment.outcome
    return {
        "id": str(assessment.pk),
        "status": _status(assessment),
        "event": _event(assessment),
        "score": None if score is None else float(score),
        "risk_level": assessment.risk_level or None,
        "outcome": outcome or None,
        "causes": assessment.causes,
        "anomaly": {"type": assessment.anomaly_type, "probabilities": assessment.anomaly_probabilities}
        if outcome
        else None,
        "reasons": _reasons(assessment),
        "rule_hits": [_rule_hit(hit) for hit in assessment.rule_hits],
        "degraded": assessment.degraded,
        "degraded_code": assessment.degraded_code or None,
        "versions": _versions(assessment),
        "usage": _usage(assessment),
        "timing": _timing(assessment),
        "operation": f"/api/v1/operations/{assessment.job_id}",
        "created_at": _moment(assessment.created_at),
        "completed_at": _moment(assessment.completed_at),
    }


def label_document(label: Label) -> dict[str, Any]:
    """What a bank is told about a label it gave."""
    return {
        "id": str(label.pk),
        "assessment": str(label.assessment_id),
        "verdict": label.verdict,
        "reported_by": label.source,
        "anomaly_type": label.anomaly_type or None,
        "labelled_at": _moment(label.labelled_at),
        "recorded_at": _moment(label.recorded_at),
    }


def _status(assessment: RiskAssessment) -> str:
    cancelled = not assessment.outcome and assessment.job.status == Job.Status.CANCELLED
    return "cancelled" if cancelled else assessment.status


def _event(assessment: RiskAssessment) -> dict[str, Any]:
    event = assessment.event
    counterparty = event.content["counterparty"]
    return {
        "id": event.external_id,
        "account": event.account.reference,
        "kind": event.kind,
        "channel": event.channel,
        "amount": _money(event.amount),
        "currency": event.currency,
        "occurred_at": _moment(event.occurred_at),
        "card": event.card or None,
        "counterparty": counterparty["id"] if counterparty else None,
    }


def _reasons(assessment: RiskAssessment) -> list[dict[str, Any]]:
    if not assessment.degraded:
        return [reason | {"text": reason_text(reason["code"])} for reason in assessment.reasons or ()]
    heaviest = sorted(assessment.rule_hits, key=lambda hit: -hit["weight"])[: MOST_REASONS - 1]
    told = [("model_unavailable", reason_text("model_unavailable"))]
    told += [(f"rule.{hit['rule_id']}", rule_text(hit["reason"])) for hit in heaviest]
    own = [{"event": assessment.event.external_id, "pointer": ""}]
    return [{"code": code, "contribution": None, "evidence": own, "text": text} for code, text in told]


def _rule_hit(hit: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": hit["rule_id"],
        "name": hit["name"],
        "outcome": hit["outcome"],
        "watch": hit["watch"] or None,
        "overridable": hit["overridable"],
        "text": rule_text(hit["reason"]),
    }


def _versions(assessment: RiskAssessment) -> dict[str, Any]:
    model = {
        "name": assessment.model_name,
        "digest": assessment.model_digest,
        "precision": assessment.model_precision,
        "kernels": assessment.model_kernels,
    }
    return {
        "model": model if assessment.model_digest else None,
        "calibration": assessment.calibration_version or None,
        "ruleset": assessment.ruleset_version,
        "thresholds": assessment.thresholds["version"],
        "encoding": assessment.encoding,
    }


def _usage(assessment: RiskAssessment) -> dict[str, Any] | None:
    if assessment.positions_total is None:
        return None
    return {
        "positions_total": assessment.positions_total,
        "positions_cached": assessment.positions_cached,
        "positions_shared": assessment.positions_shared,
    }


def _timing(assessment: RiskAssessment) -> dict[str, Any] | None:
    if assessment.completed_at is None:
        return None
    total = assessment.completed_at - assessment.created_at
    return {
        "queue_ms": _rounded(assessment.queue_ms),
        "infer_ms": _rounded(assessment.infer_ms),
        "total_ms": _rounded(1000 * total.total_seconds()),
    }


def _rounded(ms: float | None) -> float | None:
    return None if ms is None else round(ms, 2)


def _moment(moment: Any) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _money(amount: Decimal) -> str:
    """As told, with at least two decimals.

    >>> _money(Decimal("25.0000")), _money(Decimal("0.1250"))
    ('25.00', '0.125')
    """
    whole, _, decimals = f"{amount:f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"
