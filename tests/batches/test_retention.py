"""Uploads and delivery logs go when they are due, and not before."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from apps.batches import retention as uploads
from apps.batches.models import Batch, BatchRow
from apps.retention.classes import Purge
from apps.webhooks import retention as deliveries
from apps.webhooks import services as webhooks
from apps.webhooks.models import EventType, WebhookDelivery
from tests.batches.conftest import NOW, received, work

pytestmark = pytest.mark.django_db(transaction=True)


def due(institution_id: UUID, *, days: float, limit: int = 100) -> Purge:
    before = NOW + timedelta(days=days)
    return Purge(institution_id=institution_id, before=before, held=frozenset(), limit=limit)


def test_an_upload_goes_with_its_rows_when_it_is_due(api_client):
    work(received(api_client, '{"id":"now-1"}\n{"id":"now-2"}\n'))

    gone = [uploads.purge(due(api_client.institution_id, days=1, limit=1)) for _ in range(4)]

    assert (gone, Batch.objects.count(), BatchRow.objects.count()) == ([1, 1, 1, 0], 0, 0)


def test_an_upload_that_is_not_due_or_not_ended_stays(api_client):
    work(received(api_client, '{"id":"now-1"}\n'))
    received(api_client, '{"id":"a"}\n')

    assert uploads.purge(due(api_client.institution_id, days=-1)) == 0
    assert uploads.purge(due(uuid4(), days=1)) == 0
    assert Batch.objects.count() == 2


def test_the_log_of_what_was_delivered_goes_and_what_is_pending_stays(api_client):
    endpoint = webhooks.create_endpoint(
        institution=api_client.institution,
        url="https://hooks.bank.example/",
        event_types=[EventType.BATCH_COMPLETED],
        description="",
        actor="client:test",
        now=NOW,
    )
    webhooks.ping(endpoint=endpoint, now=NOW)
    webhooks.ping(endpoint=endpoint, now=NOW)
    first = WebhookDelivery.objects.earliest("pk")
    WebhookDelivery.objects.filter(pk=first.pk).update(status="delivered", ended_at=NOW)

    assert deliveries.purge(due(api_client.institution_id, days=1)) == 1
    assert WebhookDelivery.objects.get().status == "pending"
