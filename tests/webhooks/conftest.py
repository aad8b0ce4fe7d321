"""Fixtures of the tests of webhooks."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.tenants.models import Institution
from apps.webhooks import services
from apps.webhooks.models import EventType, WebhookEndpoint
from apps.webhooks.sending import Answer
from tests.webhooks.receiver import Receiver, listening

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def later(**delta: float) -> datetime:
    """Some time after noon."""
    return NOW + timedelta(**delta)


@pytest.fixture
def bank(db: None) -> Institution:
    """An institution."""
    return Institution.objects.create(name="First Bank", kind=Institution.Kind.BANK)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    """A receiver on this machine that the operator named."""
    with listening() as receiver:
        settings.WEBHOOK_HOSTS = [f"http://127.0.0.1:{receiver.port}"]
        yield receiver


def endpoint_of(institution: Institution, url: str = "https://hooks.bank.example/assay") -> WebhookEndpoint:
    """An endpoint that wants to hear of assessments."""
    return services.create_endpoint(
        institution=institution,
        url=url,
        event_types=[EventType.ASSESSMENT_COMPLETED],
        description="",
        actor="client:test",
        now=NOW,
    )


class Scripted:
    """A network that answers as told, the last answer for ever, and remembers what was sent."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.sent: list[dict[str, Any]] = []

    def __call__(self, **message: Any) -> Answer:
        """One POST."""
        self.sent.append(message)
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


ACCEPTED = Answer(status=204, latency_ms=3.0)
BROKEN = Answer(status=500, error_code="http_500", latency_ms=3.0)
GONE = Answer(status=410, error_code="http_410", latency_ms=3.0)
BUSY = Answer(status=429, error_code="http_429", retry_after_s=900.0, latency_ms=3.0)
