"""What an assessed event turned out to be."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from apps.audit import services as audit
from apps.common.errors import InvalidInput
from riskscore.anomalies import AnomalyType
from riskscore.models import Label, RiskAssessment


class LabelledInFuture(InvalidInput):
    """A verdict dated after the moment it was told."""

    code = "labelled_in_future"


@transaction.atomic
def record_feedback(
    *,
    assessment: RiskAssessment,
    verdict: Label.Verdict,
    source: Label.Source,
    labelled_at: datetime | None,
    now: datetime,
    anomaly: AnomalyType | None = None,
    actor: str = "system",
) -> Label:
    """Add a label. Earlier ones stay; the latest counts.

    Raises:
        LabelledInFuture: ``labelled_at`` is after now.
    """
    decided_at = labelled_at or now
    if decided_at > now:
        raise LabelledInFuture(_("A label cannot be decided in the future."), pointer="/labelled_at")
    event = assessment.event
    label = Label.objects.create(
        institution_id=assessment.institution_id,
        assessment=assessment,
        counterparty_id=event.counterparty_id,
        verdict=verdict,
        anomaly_type=anomaly or "",
        source=source,
        labelled_at=decided_at,
        effective_at=max(decided_at, event.received_at),
        recorded_at=now,
    )
    audit.record(
        actor=actor,
        action="label.created",
        institution=assessment.institution_id,
        subject=label,
        now=now,
        details={"assessment": str(assessment.pk)},
        content_sha256=audit.content_digest(assessment.institution_id, [verdict, anomaly, source, decided_at]),
    )
    return label
