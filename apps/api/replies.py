"""Forgetting stored answers: when their time is over, and when what they are about is erased."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from apps.api.models import IdempotencyRecord
from apps.retention import Purge


def purge_idempotency_records(*, before: datetime) -> int:
    """Forget answers given before a moment; returns how many."""
    return IdempotencyRecord.objects.filter(created_at__lt=before).delete()[0]


def purge_replies(purge: Purge) -> int:
    """Forget an institution's answers, as many as are asked for at once; returns how many."""
    old = IdempotencyRecord.objects.filter(institution_id=purge.institution_id, created_at__lt=purge.before)
    return IdempotencyRecord.objects.filter(pk__in=old.order_by("created_at").values("pk")[: purge.limit]).delete()[0]


def forget_replies(*, institution_id: UUID, locations: Sequence[str], operations: Sequence[str]) -> int:
    """Forget answers about what is erased; returns how many.

    Args:
        locations: of the erased things, as ``Location`` had them in the answers that made them.
        operations: on them, as method and path.
    """
    about = Q(location__in=locations) | Q(operation__in=operations)
    return IdempotencyRecord.objects.filter(about, institution_id=institution_id).delete()[0]
