"""Writing the audit trail."""

from datetime import datetime

from django.db import models

from apps.audit.models import AuditEvent
from apps.common import context


def record(
    *, actor: str, action: str, institution: models.Model | None, subject: models.Model, now: datetime
) -> AuditEvent:
    """Note an act, inside the caller's transaction: no act without its event, no event without its act.

    Args:
        actor: ``client:<id>``, ``user:<id>``, ``command:<name>`` or ``system``.
        action: ``subject.verb``, e.g. ``api_client.revoked``.
        institution: whose record it is; None for the installation itself.
    """
    return AuditEvent.objects.create(
        institution_id=None if institution is None else institution.pk,
        actor=actor,
        action=action,
        subject_type=subject._meta.label_lower,  # noqa: SLF001 - public but for its name
        subject_id=str(subject.pk),
        request_id=context.request_id(),
        at=now,
    )
