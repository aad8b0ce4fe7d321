"""Attempts: one POST per claim, and what its answer means for the message and for the endpoint."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce

from apps.jobs import services as jobs
from apps.jobs.models import Job
from apps.jobs.services import Claim
from apps.jobs.work import perform
from apps.webhooks import signing
from apps.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from apps.webhooks.schedule import hold_s, retry_s
from apps.webhooks.sending import Answer, Post
from apps.webhooks.services.endpoints import disable_endpoint, secrets_of

DISABLE_AFTER = timedelta(days=5)
ENDPOINT_DISABLED = "endpoint_disabled"
ENDPOINT_DELETED = "endpoint_deleted"


def deliver(*, job_id: UUID, post: Post, clock: Callable[[], datetime]) -> bool:
    """Make one attempt at a delivery's job. Safe to call twice, late or never.

    Returns:
        Whether the job was to be had and the attempt was made or put off.
    """
    return perform(job_id=job_id, work=partial(_attempt, post=post, clock=clock), clock=clock)


def give_up(job: Job, now: datetime) -> None:
    """Note that a message will not be delivered. Runs inside the transaction that ends its job."""
    pending = WebhookDelivery.objects.filter(
        institution_id=job.institution_id, pk=job.subject_id, status=WebhookDelivery.Status.PENDING
    )
    pending.update(status=WebhookDelivery.Status.FAILED, error_code=job.error_code, ended_at=now)


def _attempt(claim: Claim, *, post: Post, clock: Callable[[], datetime]) -> None:
    owned = WebhookDelivery.objects.filter(institution_id=claim.institution_id)
    delivery = owned.select_related("endpoint", "institution").filter(pk=claim.subject_id).first()
    now = clock()
    if delivery is None or not delivery.endpoint.enabled:
        code = ENDPOINT_DELETED if delivery is None else ENDPOINT_DISABLED
        jobs.fail(claim=claim, error_code=code, retry=False, now=now)
        return
    held_until = delivery.endpoint.held_until
    if held_until is not None and held_until > now:
        jobs.release(claim=claim, now=now, delay_s=(held_until - now).total_seconds())
        return
    answer = _post(delivery, post, now)
    _settle(claim, delivery, answer, started_at=now, now=clock())


def _post(delivery: WebhookDelivery, post: Post, now: datetime) -> Answer:
    endpoint = delivery.endpoint
    body = signing.body_of(event_type=delivery.event_type, occurred_at=delivery.occurred_at, data=delivery.data)
    secrets = secrets_of(endpoint, now=now)
    headers = signing.signed_headers(message_id=delivery.message_id, body=body, secrets=secrets, sent_at=now)
    return post(url=endpoint.url, headers=headers, body=body)


@transaction.atomic
def _settle(claim: Claim, delivery: WebhookDelivery, answer: Answer, *, started_at: datetime, now: datetime) -> None:
    """Write what an attempt came to, all of it or, where the claim was lost, nothing."""
    if answer.accepted:
        jobs.finish(claim=claim, now=now)
        WebhookDelivery.objects.filter(pk=delivery.pk).update(
            status=WebhookDelivery.Status.DELIVERED, error_code="", ended_at=now
        )
        _note_success(delivery.endpoint)
    else:
        retry_in_s = max(retry_s(claim.attempt, jitter_of=claim.job_id), answer.retry_after_s or 0.0)
        jobs.fail(claim=claim, error_code=answer.error_code, retry=not answer.gone, retry_in_s=retry_in_s, now=now)
        _note_failure(delivery.endpoint, answer, started_at=started_at, now=now)
    WebhookAttempt.objects.create(
        institution_id=delivery.institution_id,
        delivery=delivery,
        number=claim.attempt,
        http_status=answer.status,
        error_code=answer.error_code,
        latency_ms=answer.latency_ms,
        started_at=started_at,
    )


def _note_success(endpoint: WebhookEndpoint) -> None:
    if endpoint.failures:
        WebhookEndpoint.objects.filter(pk=endpoint.pk).update(failures=0, failing_since=None, held_until=None)


def _note_failure(endpoint: WebhookEndpoint, answer: Answer, *, started_at: datetime, now: datetime) -> None:
    """Leave the receiver in peace for a while. Of attempts that failed side by side one counts."""
    if answer.gone:
        disable_endpoint(endpoint=endpoint, reason=WebhookEndpoint.DisabledReason.GONE, now=now)
        return
    rows = WebhookEndpoint.objects.filter(pk=endpoint.pk)
    rows.filter(Q(held_until=None) | Q(held_until__lte=started_at)).update(
        failures=F("failures") + 1,
        failing_since=Coalesce("failing_since", now),
        held_until=now + timedelta(seconds=hold_s(endpoint.failures + 1)),
    )
    asked_until = now + timedelta(seconds=answer.retry_after_s or 0.0)
    rows.filter(held_until__lt=asked_until).update(held_until=asked_until)
    if endpoint.failing_since is not None and now - endpoint.failing_since >= DISABLE_AFTER:
        disable_endpoint(endpoint=endpoint, reason=WebhookEndpoint.DisabledReason.FAILING, now=now)
