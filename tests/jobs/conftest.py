"""A kind of job for the tests, with an institution to ask for it."""

import json
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
import redis
from celery import current_app
from django.conf import settings

from apps.jobs import kinds, publishing, services
from apps.jobs.models import Job
from apps.tenants.models import Institution

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
answered: list[tuple[UUID, str]] = []  # what on_expired was called with


def _answer(job: Job, _now: datetime) -> None:
    answered.append((job.pk, job.status))


KIND = kinds.JobKind(
    name="test.count",
    task_name="tests.count",
    queue="test-jobs",
    lease_s=30.0,
    on_expired=_answer,
    result_path=lambda job: f"/api/v1/counts/{job.subject_id}",
)


@pytest.fixture(autouse=True)
def _kind():
    kinds.register(KIND)
    answered.clear()
    publishing.breaker.succeeded()


@pytest.fixture
def bank(db) -> Institution:
    return Institution.objects.create(name="First Bank", kind=Institution.Kind.BANK)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def make_job(
    institution: Institution,
    *,
    deadline_s: float = 60.0,
    now: datetime = NOW,
    priority: int = 0,
    kind: str = KIND.name,
) -> Job:
    return services.enqueue(
        institution=institution,
        kind=kind,
        subject_id=uuid4(),
        deadline_at=now + timedelta(seconds=deadline_s),
        now=now,
        priority=priority,
    )


def facts(job: Job) -> tuple[str, int, int, str]:
    """Where a job stands in the database: status, attempts, fence, error code."""
    job.refresh_from_db()
    return job.status, job.attempts, job.fence, job.error_code


@pytest.fixture
def redis_client() -> redis.Redis:
    """The Redis that jobs are published to."""
    return redis.Redis.from_url(settings.REDIS_URL)


@pytest.fixture
def dead_redis(tmp_path):
    """Publishing finds no Redis at its address."""
    publishing.reset()
    before = current_app.conf.broker_url
    current_app.conf["broker_url"] = f"redis+socket://{tmp_path}/nothing.sock"
    yield
    current_app.conf["broker_url"] = before
    publishing.reset()


def body(message: bytes) -> str:
    """The decoded body of a message as Celery puts it into Redis."""
    return b64decode(json.loads(message)["body"]).decode()
