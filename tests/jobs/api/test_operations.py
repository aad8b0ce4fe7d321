"""GET and DELETE /api/v1/operations/{id}."""

from uuid import uuid4

import pytest
from django.urls import include, path
from rest_framework.test import APIClient

from apps.jobs import services
from apps.tenants.models import Institution
from apps.tenants.services import create_client
from tests.jobs.conftest import NOW, facts, later, make_job

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]

urlpatterns = [path("api/v1/", include("apps.jobs.api.urls"))]


@pytest.fixture
def api(bank):
    _, key = create_client(institution=bank, name="core", mode="test", now=NOW)
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")


@pytest.fixture
def foreign_job(bank):
    return make_job(Institution.objects.create(name="Second Bank", kind="bank"))


def test_an_operation_says_how_it_stands(api, bank):
    job = make_job(bank)

    answer = api.get(f"/api/v1/operations/{job.pk}")

    assert answer.status_code == 200
    assert answer.json() == {
        "id": str(job.pk),
        "kind": "test.count",
        "status": "queued",
        "attempts": 0,
        "created_at": "2026-11-23T12:00:00Z",
        "started_at": None,
        "finished_at": None,
        "deadline_at": "2026-11-23T12:01:00Z",
        "error_code": "",
        "links": {"self": f"/api/v1/operations/{job.pk}", "result": None},
    }


def test_an_operation_that_has_ended_points_at_its_result(api, bank):
    job = make_job(bank)
    services.finish(claim=services.claim(job_id=job.pk, now=NOW), now=later(1))

    answer = api.get(f"/api/v1/operations/{job.pk}").json()

    assert (answer["status"], answer["attempts"], answer["finished_at"]) == ("succeeded", 1, "2026-11-23T12:00:01Z")
    assert answer["links"]["result"] == f"/api/v1/counts/{job.subject_id}"


def test_an_operation_can_be_given_up(api, bank):
    job = make_job(bank)

    answer = api.delete(f"/api/v1/operations/{job.pk}")

    assert (answer.status_code, answer.content) == (204, b"")
    assert facts(job) == ("cancelled", 0, 0, "")
    assert api.get(f"/api/v1/operations/{job.pk}").json()["links"]["result"] is None


def test_an_operation_that_has_ended_cannot_be_given_up(api, bank):
    job = make_job(bank)
    services.finish(claim=services.claim(job_id=job.pk, now=NOW), now=later(1))

    answer = api.delete(f"/api/v1/operations/{job.pk}")

    assert (answer.status_code, answer.json()["code"]) == (409, "already_ended")
    assert facts(job) == ("succeeded", 1, 1, "")


@pytest.mark.parametrize("verb", ["get", "delete"])
def test_a_strangers_operation_and_none_look_the_same(api, foreign_job, verb):
    foreign = getattr(api, verb)(f"/api/v1/operations/{foreign_job.pk}")
    unknown = getattr(api, verb)(f"/api/v1/operations/{uuid4()}")

    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert (foreign.json()["code"], foreign.json()["detail"]) == (unknown.json()["code"], unknown.json()["detail"])
    assert facts(foreign_job) == ("queued", 0, 0, "")


@pytest.mark.parametrize("verb", ["get", "delete"])
def test_nobody_sees_an_operation_without_a_key(bank, verb):
    job = make_job(bank)

    assert getattr(APIClient(), verb)(f"/api/v1/operations/{job.pk}").status_code == 401
    assert facts(job) == ("queued", 0, 0, "")
