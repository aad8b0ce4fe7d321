"""Messages from what happened to what became of them."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from standardwebhooks import Webhook

from apps.audit.models import AuditEvent
from apps.jobs.models import Job
from apps.webhooks import services
from apps.webhooks.models import EventType, WebhookAttempt, WebhookDelivery
from tests.webhooks.conftest import ACCEPTED, BROKEN, BUSY, GONE, NOW, Scripted, endpoint_of, later

pytestmark = pytest.mark.django_db(transaction=True)


def emit(institution, event_type=EventType.ASSESSMENT_COMPLETED) -> int:
    return services.emit(institution_id=institution.pk, event_type=event_type, data={"assessment_id": uuid4()}, now=NOW)


def deliver(post, *, at=NOW) -> bool:
    job = Job.objects.filter(kind=services.JOB_KIND).latest("created_at")
    return services.deliver(job_id=job.pk, post=post, clock=lambda: at)


def test_an_endpoint_hears_of_what_it_asked_for_and_of_nothing_else(bank):
    endpoint_of(bank)

    assert emit(bank, EventType.BATCH_COMPLETED) == 0
    assert emit(bank) == 1
    assert WebhookDelivery.objects.get().status == "pending"


def test_an_accepted_message_is_delivered(bank):
    endpoint = endpoint_of(bank)
    emit(bank)
    network = Scripted(ACCEPTED)

    deliver(network)

    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.ended_at) == ("delivered", NOW)
    assert Job.objects.get().status == "succeeded"
    assert network.sent[0]["url"] == endpoint.url
    assert WebhookAttempt.objects.values_list("number", "http_status", "error_code").get() == (1, 204, "")


def test_a_refused_message_is_tried_again_after_a_pause(bank):
    endpoint = endpoint_of(bank)
    emit(bank)

    deliver(Scripted(BROKEN))

    job = Job.objects.get()
    assert (job.status, job.attempts, job.max_attempts, job.error_code) == ("queued", 1, 10, "http_500")
    assert timedelta(seconds=4.5) <= job.next_attempt_at - NOW <= timedelta(seconds=5.5)
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since) == (1, NOW)


def test_every_attempt_carries_the_same_id_and_body_and_verifies(bank):
    endpoint = endpoint_of(bank)
    emit(bank)
    network = Scripted(BROKEN, ACCEPTED)

    deliver(network)
    deliver(network, at=later(minutes=1))

    first, second = network.sent
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert first["body"] == second["body"]
    assert first["headers"]["webhook-timestamp"] != second["headers"]["webhook-timestamp"]
    assert Webhook(endpoint.secret)._SECRET_PREFIX == "whsec_"


def test_a_receiver_in_trouble_is_left_in_peace(bank):
    endpoint_of(bank)
    emit(bank)
    deliver(Scripted(BROKEN))
    emit(bank)
    network = Scripted(ACCEPTED)

    deliver(network, at=later(seconds=1))

    assert network.sent == []
    assert Job.objects.filter(status="queued", attempts=0, next_attempt_at=later(seconds=5)).count() == 1


def test_attempts_that_fail_side_by_side_count_as_one(bank):
    endpoint = endpoint_of(bank)
    emit(bank)
    emit(bank)
    jobs = list(Job.objects.values_list("pk", flat=True))
    inner = Scripted(BROKEN)

    def meanwhile(**message):
        services.deliver(job_id=jobs[1], post=inner, clock=lambda: NOW)
        return inner(**message)

    services.deliver(job_id=jobs[0], post=meanwhile, clock=lambda: NOW)

    endpoint.refresh_from_db()
    assert (len(inner.sent), endpoint.failures, endpoint.held_until) == (2, 1, later(seconds=5))


def test_retry_after_is_heeded(bank):
    endpoint = endpoint_of(bank)
    emit(bank)

    deliver(Scripted(BUSY))

    endpoint.refresh_from_db()
    assert (Job.objects.get().next_attempt_at, endpoint.held_until) == (later(seconds=900), later(seconds=900))


def test_a_receiver_that_is_gone_is_told_nothing_more(bank):
    endpoint = endpoint_of(bank)
    emit(bank)

    deliver(Scripted(GONE))

    endpoint.refresh_from_db()
    assert (endpoint.enabled, endpoint.disabled_reason) == (False, "gone")
    assert WebhookDelivery.objects.get().status == "failed"
    assert emit(bank) == 0
    assert AuditEvent.objects.filter(action="webhook_endpoint.disabled", actor="system").count() == 1


def test_a_receiver_that_fails_for_days_is_switched_off(bank):
    endpoint = endpoint_of(bank)
    type(endpoint).objects.update(failing_since=later(days=-5), failures=9)
    emit(bank)

    deliver(Scripted(BROKEN))

    endpoint.refresh_from_db()
    assert endpoint.disabled_reason == "failing"


def test_a_success_ends_the_trouble(bank):
    endpoint = endpoint_of(bank)
    type(endpoint).objects.update(failing_since=later(days=-1), failures=3, held_until=later(seconds=-1))
    emit(bank)

    deliver(Scripted(ACCEPTED))

    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.failing_since, endpoint.held_until) == (0, None, None)


def test_out_of_attempts_a_message_has_failed(bank):
    endpoint_of(bank)
    emit(bank)
    Job.objects.update(attempts=9)

    deliver(Scripted(BROKEN))

    delivery = WebhookDelivery.objects.get()
    assert (delivery.status, delivery.error_code, Job.objects.get().status) == ("failed", "http_500", "failed")


def test_what_waits_for_an_endpoint_that_was_switched_off_is_not_sent(bank):
    endpoint = endpoint_of(bank)
    emit(bank)
    services.change_endpoint(endpoint=endpoint, actor="client:test", now=NOW, enabled=False)
    network = Scripted(ACCEPTED)

    deliver(network)

    assert network.sent == []
    assert WebhookDelivery.objects.values_list("status", "error_code").get() == ("failed", "endpoint_disabled")


def test_what_waits_for_an_endpoint_that_was_deleted_is_not_sent(bank):
    endpoint = endpoint_of(bank)
    emit(bank)
    services.delete_endpoint(endpoint=endpoint, actor="client:test", now=NOW)
    network = Scripted(ACCEPTED)

    deliver(network)

    assert network.sent == []
    assert Job.objects.values_list("status", "error_code").get() == ("failed", "endpoint_deleted")


def test_a_replay_carries_the_same_id_and_body(bank):
    endpoint_of(bank)
    emit(bank)
    network = Scripted(ACCEPTED)
    deliver(network)

    services.replay(delivery=WebhookDelivery.objects.get(), actor="client:test", now=later(hours=1))
    deliver(network, at=later(hours=1))

    first, second = network.sent
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert first["body"] == second["body"]


def test_a_message_of_an_act_that_was_undone_is_never_sent(bank):
    endpoint_of(bank)

    with transaction.atomic():
        emit(bank)
        transaction.set_rollback(True)

    assert (WebhookDelivery.objects.count(), Job.objects.count()) == (0, 0)


def test_a_new_secret_signs_beside_the_old_one_for_a_day(bank):
    endpoint = endpoint_of(bank)
    old = endpoint.secret

    services.rotate_secret(endpoint=endpoint, actor="client:test", now=NOW)
    services.rotate_secret(endpoint=endpoint, actor="client:test", now=later(hours=1))

    assert services.secrets_of(endpoint, now=later(hours=23)) == [endpoint.secret, old]
    assert services.secrets_of(endpoint, now=later(hours=24)) == [endpoint.secret]
