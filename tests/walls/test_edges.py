"""Where a scope begins and ends: requests, jobs, and what is answered for a job that ended."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from apps.common import scope
from apps.jobs import kinds, services, work
from apps.tenants.middleware import ScopeMiddleware

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
A = UUID(int=0xA)
seen: list[scope.Scope] = []
KIND = kinds.JobKind(
    name="test.scope",
    task_name="tests.scope",
    queue="test-scope",
    lease_s=30.0,
    on_expired=lambda _job, _now: seen.append(scope.current()),
)


@pytest.fixture
def job(first):
    kinds.register(KIND)
    seen.clear()
    deadline_at = NOW + timedelta(seconds=60)
    return services.enqueue(institution=first, kind=KIND.name, subject_id=uuid4(), deadline_at=deadline_at, now=NOW)


def answered(view) -> HttpResponse:
    """A view's answer, as the middleware lets it go."""
    return ScopeMiddleware(view)(RequestFactory().get("/"))


def test_a_request_begins_as_nobodys_and_leaves_nothing_behind():
    def view(_request):
        seen.append(scope.current())
        scope.enter(scope.of(A))
        return HttpResponse()

    seen.clear()
    with scope.entered(scope.OPERATOR):
        answered(view)
        assert scope.current() == scope.OPERATOR
    assert seen == [scope.NOBODY]


def test_a_request_that_fails_leaves_nothing_behind():
    def view(_request):
        scope.enter(scope.of(A))
        raise ValueError("a mistake")

    with pytest.raises(ValueError, match="a mistake"):
        answered(view)
    assert scope.current() == scope.NOBODY


def test_what_is_made_while_it_is_sent_is_made_in_the_scope_it_was_begun_in():
    def view(_request):
        scope.enter(scope.of(A))
        return StreamingHttpResponse(str(scope.current().institution_id) for _ in range(2))

    assert b"".join(answered(view)) == str(A).encode() * 2
    assert scope.current() == scope.NOBODY


@pytest.mark.django_db(transaction=True)
def test_the_work_of_a_job_is_done_within_its_institution(job):
    work.perform(job_id=job.pk, work=lambda _claim: seen.append(scope.current()), clock=lambda: NOW)

    assert seen == [scope.of(job.institution_id)]
    assert scope.current() == scope.NOBODY


@pytest.mark.django_db(transaction=True)
def test_what_is_answered_for_a_job_that_ended_is_answered_within_its_institution(job):
    services.expire(job_id=job.pk, now=NOW + timedelta(seconds=61))

    assert seen == [scope.of(job.institution_id)]
