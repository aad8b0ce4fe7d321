"""GET /api/v1/audit-events, and what requests leave in the trail."""

from uuid import uuid4

import pytest
from django.db import OperationalError
from django.test import Client

from apps.audit import refusals
from apps.audit import services as audit
from apps.audit.models import AuditEvent
from apps.audit.refusals import Coalescer
from apps.audit.sealing import seal_all
from apps.tenants.models import Institution
from apps.tenants.services import create_client
from tests.audit.trail import NOW, bank, events
from tests.riskscore.rest import get, post
from tests.walls import as_application

pytestmark = pytest.mark.django_db
URL = "/api/v1/audit-events"
MADE = ("api_client.created", "api_key.issued")  # of one moment


@pytest.fixture
def caller():
    """A bank's client, with its key; the making of both are its first events."""
    return create_client(institution=bank(), name="siem", mode="test", now=NOW)


@pytest.fixture(autouse=True)
def coalescer(monkeypatch):
    monkeypatch.setattr(refusals, "coalescer", Coalescer())


def last():
    return AuditEvent.objects.latest("at")


def test_an_institution_reads_its_own_trail_and_nobody_elses(caller):
    client, key = caller
    events(client.institution, 2, start=1)
    events(Institution.objects.create(name="Second Bank", kind="bank"), 2)
    seal_all(now=NOW)

    shown = get(key, URL).json()["results"]

    assert sorted(each["action"] for each in shown) == [*MADE, "thing.read", "thing.read"]
    assert {each["institution"] for each in shown} == {str(client.institution_id)}
    assert (shown[0]["details"], shown[0]["seal"]["position"]) == ({"count": 2}, 4)


def test_to_read_the_trail_is_in_the_trail(caller):
    client, key = caller
    get(key, URL, outcome="success")

    event = last()
    assert (event.actor, event.action, event.outcome) == (f"client:{client.pk}", "audit_event.listed", "success")
    assert (event.details["count"], event.details["filters"]) == (2, ["outcome"])
    assert (event.address, event.institution_id) == ("127.0.0.1", client.institution_id)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"action": "thing.read"}, 3),
        ({"actor": "client:1"}, 3),
        ({"subject": "1"}, 0),
        ({"outcome": "refused"}, 0),
        ({"from": "2026-11-24T03:00:02Z"}, 2),
        ({"from": "2026-11-24T03:00:01Z", "to": "2026-11-24T03:00:03Z"}, 2),
    ],
)
def test_filters_narrow_the_trail(caller, query, count):
    client, key = caller
    events(client.institution, 3, start=1)

    assert len(get(key, URL, **query).json()["results"]) == count


@pytest.mark.parametrize("query", [{"colour": "red"}, {"from": "yesterday"}, {"outcome": "maybe"}])
def test_a_filter_that_makes_no_sense_is_refused(caller, query):
    response = get(caller[1], URL, **query)

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, f"/{next(iter(query))}")


def test_the_trail_is_read_page_by_page(caller):
    client, key = caller
    events(client.institution, 4, start=1)

    first = get(key, URL, limit=2, to="2026-11-24T03:01:00Z").json()
    second = get(key, first["next"]).json()

    counts = [[each["details"].get("count") for each in page["results"]] for page in (first, second)]
    assert counts == [[4, 3], [2, 1]]


@pytest.mark.parametrize("count", [1, 20])
def test_a_page_costs_the_same_queries_whatever_its_length(caller, count, django_assert_num_queries):
    client, key = caller
    events(client.institution, count)
    get(key, URL)

    with django_assert_num_queries(4):  # the key, its client, the page, and the event that it was read
        get(key, URL)


def test_the_trail_comes_as_fhir_for_who_asks_for_it(caller):
    client, key = caller
    events(client.institution, 1, start=1)

    with as_application():
        response = Client(headers={"Authorization": f"Bearer {key}", "Accept": "application/fhir+json"}).get(URL)

    assert response["Content-Type"] == "application/fhir+json"
    assert (response.json()["resourceType"], len(response.json()["entry"])) == ("Bundle", 3)


def test_what_is_not_there_and_what_is_a_strangers_is_a_refusal_by_who_asked(caller):
    client, key = caller
    asked = uuid4()

    assert get(key, f"/api/v1/operations/{asked}").status_code == 404

    event = last()
    assert (event.actor, event.action, event.outcome) == (f"client:{client.pk}", "access.refused", "refused")
    assert event.details == {"code": "not_found", "status": 404, "method": "GET", "asked": {"job_id": str(asked)}}
    assert (event.subject_type, event.subject_id) == ("endpoint", "operation")


def test_a_scope_that_is_missing_is_a_refusal():
    institution = bank()
    _, key = create_client(institution=institution, name="core", mode="test", now=NOW, scopes=["risk.read"])

    assert get(key, URL).status_code == 403
    assert (last().details["code"], last().institution_id) == ("insufficient_scope", institution.pk)


def test_who_proves_to_be_nobody_is_in_the_installations_trail_once():
    answers = [get("ak_test_forged", URL).status_code for _ in range(5)]

    event = AuditEvent.objects.get(action="access.refused")
    assert answers == [401] * 5
    assert (event.actor, event.institution_id, event.subject_id) == ("unknown", None, "audit-events")
    assert event.details == {"code": "key_refused", "count": 1}


@pytest.mark.urls("tests.api.urls")
def test_a_read_that_a_view_does_not_name_is_recorded_as_one_of_its_address(caller):
    client, key = caller

    assert get(key, "/api/test/echo").status_code == 200
    assert (last().actor, last().action, last().subject_type) == (f"client:{client.pk}", "endpoint.read", "endpoint")


@pytest.mark.urls("tests.api.urls")
def test_an_answer_that_is_given_again_is_a_read(caller):
    client, key = caller
    for _ in range(2):
        post(key, "/api/test/once", {"name": "x"})

    assert (last().actor, last().action) == (f"client:{client.pk}", "answer.replayed")
    assert len(bytes(last().content_sha256)) == 32


def test_nothing_is_shown_where_the_trail_cannot_be_written(caller, monkeypatch):
    def fail(**_told):
        raise OperationalError("away")

    monkeypatch.setattr(audit, "record", fail)
    response = get(caller[1], URL)

    assert (response.status_code, response.json()["code"]) == (503, "unavailable")


def test_behind_a_proxy_of_ours_the_address_is_what_the_proxy_saw(caller, settings):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    headers = {"Authorization": f"Bearer {caller[1]}", "X-Forwarded-For": "203.0.113.9, 192.0.2.7"}
    with as_application():
        Client(headers=headers).get(URL)

    assert last().address == "192.0.2.7"
