"""Fixtures of the tests of batches."""

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from apps.batches import kinds, services
from apps.batches.models import Batch
from apps.jobs.models import Job
from apps.tenants.models import ApiClient, Institution
from apps.tenants.services import create_client
from tests.batches import rows

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _kind() -> Iterator[None]:
    kinds.register(rows.KIND)
    rows.forget()
    yield
    rows.forget()


@pytest.fixture
def client_and_key(db: None) -> tuple[ApiClient, str]:
    """A machine client of a bank, and its key."""
    bank = Institution.objects.create(name="First Bank", kind=Institution.Kind.BANK)
    return create_client(institution=bank, name="core banking", mode="test", now=NOW)


@pytest.fixture
def api_client(client_and_key: tuple[ApiClient, str]) -> ApiClient:
    """A machine client of a bank."""
    return client_and_key[0]


def received(client: ApiClient, text: str, *, dry_run: bool = False, delimiter: str | None = None) -> Batch:
    """An upload that was promised."""
    upload = services.Upload(kind="test.rows", dry_run=dry_run, delimiter=delimiter)
    got = services.receive(client=client, upload=upload, read=io.BytesIO(text.encode()).read, now=NOW)
    return services.open_batch(batch_id=got.batch_id, request_key=uuid4(), actor="client:test", now=NOW)


class Clock:
    """Noon, and a little later every time it is read."""

    def __init__(self, start: datetime = NOW, step_s: float = 0.01) -> None:
        self.now = start
        self._step = timedelta(seconds=step_s)

    def __call__(self) -> datetime:
        """The time."""
        self.now += self._step
        return self.now


def work(batch: Batch, *, step_s: float = 0.01) -> tuple[str, dict[int, str]]:
    """Do one part of a batch's work as soon as it is due. Returns how its job stands, and its rows."""
    due_at = Job.objects.get(pk=job_of(batch)).next_attempt_at
    services.work_on(job_id=job_of(batch), clock=Clock(due_at, step_s))
    return Job.objects.get(pk=job_of(batch)).status, standing(batch)


def job_of(batch: Batch) -> UUID:
    """The job of a batch that was promised."""
    assert batch.job_id is not None
    return batch.job_id


def standing(batch: Batch) -> dict[int, str]:
    """Rows by number."""
    return dict(batch.rows.order_by("number").values_list("number", "status"))
