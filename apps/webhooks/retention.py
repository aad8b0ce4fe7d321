"""How long the log of deliveries is kept."""

from apps.retention.classes import Purge, RecordClass
from apps.webhooks.models import WebhookDelivery


def purge(due: Purge) -> int:
    """Delete deliveries that ended and are due, with their attempts. They hold identifiers alone."""
    owned = WebhookDelivery.objects.filter(institution_id=due.institution_id, created_at__lt=due.before)
    ended = owned.exclude(status=WebhookDelivery.Status.PENDING).order_by("created_at")
    ids = list(ended.values_list("pk", flat=True)[: due.limit])
    owned.filter(pk__in=ids).delete()
    return len(ids)


DELIVERIES = RecordClass(name="webhooks.deliveries", default_days=30, purge=purge)
