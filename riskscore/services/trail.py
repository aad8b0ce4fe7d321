"""What the audit trail is told of an assessment's end."""

from datetime import datetime
from typing import Any
from uuid import UUID

from apps.audit import services as audit
from apps.audit.services import Subject
from riskscore.models import RiskAssessment


def answered(
    action: str, *, assessment_id: UUID, institution_id: UUID, answer: list[Any], details: dict[str, Any], now: datetime
) -> None:
    """Note, in the transaction of the answer, that an assessment has one: a digest of it, never the answer."""
    audit.record(
        actor="system",
        action=action,
        institution=institution_id,
        subject=Subject.row(RiskAssessment, assessment_id),
        now=now,
        details=details,
        content_sha256=audit.content_digest(institution_id, answer),
    )
