"""What stands between a browser and a page: a session that is good, a second factor, an institution."""

import time

import pytest
from allauth.mfa.models import Authenticator
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import path

from apps.audit.models import AuditEvent
from apps.common import scope
from apps.people import sessions
from apps.tenants.people import grant_role, withdraw_role
from apps.tenants.services import create_institution
from settings.urls import urlpatterns as real
from tests.people.door import NOW, bank, code, inside, person, with_app

pytestmark = pytest.mark.django_db


def page(_request: HttpRequest) -> HttpResponse:
    """A page as the portal will have them: it says in whose scope it runs."""
    return HttpResponse(f"{scope.current().who} {scope.current().institution_id}")


urlpatterns = [*real, path("cases/", page)]


@pytest.fixture(autouse=True)
def portal():
    """An installation with one page more."""
    with override_settings(ROOT_URLCONF=__name__):
        yield


def moved(client: Client, **seconds_ago: float) -> Client:
    """The same browser, some time later."""
    session = client.session
    for name, seconds in seconds_ago.items():
        session[f"people.{name}_at"] = time.time() - seconds
    session.save()
    return client


def test_a_page_works_in_the_scope_of_its_persons_institution():
    place = bank()

    answer = inside(person("ana", "analyst", place), proved=False).get("/cases/")

    assert answer.content.decode() == f"institution {place.pk}"
    assert scope.current() == scope.NOBODY


def test_the_administration_works_in_the_operators_scope(admin_client):
    assert admin_client.get("/admin/").status_code == 200
    assert admin_client.get("/cases/")["Location"] == "/account/institution/?next=%2Fcases%2F"


def test_of_several_institutions_one_is_chosen():
    first, second = bank(), create_institution(name="Riverside", kind="hospital", actor="system", now=NOW)
    ana = person("ana", "analyst", first)
    grant_role(user=ana, role="clinician", institution=second, actor="system", now=NOW)
    ana.refresh_from_db()
    client = inside(ana, proved=False)

    asked = client.get("/cases/")
    chosen = client.post("/account/institution/", {"institution": str(second.pk), "next": "/cases/"})

    assert (asked["Location"], chosen["Location"]) == ("/account/institution/?next=%2Fcases%2F", "/cases/")
    assert client.get("/cases/").content.decode() == f"institution {second.pk}"
    assert AuditEvent.objects.get(action="institution.entered").institution == second
    assert client.get("/account/").content.count(b"You work here now") == 1


def test_an_institution_of_others_cannot_be_chosen():
    stranger = bank("Other Bank")
    client = inside(person("ana", "analyst", bank()), proved=False)

    client.post("/account/institution/", {"institution": str(stranger.pk)})

    assert client.session.get(sessions.INSTITUTION) is None


def test_a_role_that_was_taken_closes_the_institution_at_once():
    place = bank()
    ana = person("ana", "analyst", place)
    client = inside(ana, proved=False)
    session_survives = client.get("/cases/").status_code

    withdraw_role(user=ana, role="analyst", institution=place, actor="user:1", now=NOW)

    assert session_survives == 200
    assert client.get("/cases/").status_code == 302


def test_without_a_role_there_is_nothing_but_the_account():
    client = inside(person("ana"), proved=False)

    assert client.get("/cases/")["Location"].startswith("/account/institution/")
    assert client.get("/account/institution/").status_code == 403


def test_an_address_of_elsewhere_is_not_gone_back_to():
    client = inside(person("ana", "analyst", place := bank()), proved=False)

    answer = client.post("/account/institution/", {"institution": str(place.pk), "next": "https://evil.example/"})

    assert answer["Location"] == "/account/start/"


@pytest.mark.parametrize(("seen", "status"), [(14 * 60, 200), (15 * 60 + 1, 302)])
def test_a_session_locks_after_fifteen_minutes(seen, status):
    client = moved(inside(person("ana", "analyst", bank()), proved=False), seen=seen)

    answer = client.get("/cases/")

    assert answer.status_code == status
    assert (sessions.BEGAN in client.session) is (status == 200)


def test_a_lock_says_so_and_leads_back():
    client = moved(inside(person("ana", "analyst", bank()), proved=False), seen=3600)

    answer = client.get("/cases/?page=2")

    assert answer["Location"] == "/account/locked/?next=%2Fcases%2F%3Fpage%3D2"
    assert b"next=/cases/%3Fpage%3D2" in client.get(answer["Location"]).content
    assert AuditEvent.objects.get(action="session.locked").details == {"reason": "idle"}


def test_a_busy_session_ends_after_twelve_hours():
    client = moved(inside(person("ana", "analyst", bank()), proved=False), began=12 * 3600 + 1)

    assert client.get("/cases/").status_code == 302
    assert AuditEvent.objects.get(action="session.locked").details == {"reason": "old"}


def test_a_session_nobody_signed_in_to_is_worth_nothing():
    client = Client()
    client.force_login(person("ana", "analyst", bank()))

    assert client.get("/cases/").status_code == 302


@pytest.mark.parametrize("role", ["supervisor", "admin"])
def test_some_roles_set_up_a_second_factor_before_anything_else(role):
    client = inside(person("ana", role, bank()), proved=False)

    pages = ["/cases/", "/account/", "/account/password/", "/account/institution/"]

    assert {client.get(each).headers["Location"].partition("?")[0] for each in pages} == {
        "/account/second-factor/set-up/"
    }


def test_the_set_up_counts_as_shown():
    client = inside(person("sue", "supervisor", bank()), proved=False)
    secret = client.get("/account/second-factor/set-up/").context["form"].secret

    answer = client.post("/account/second-factor/set-up/", {"code": code(secret)})

    assert answer["Location"] == "/account/recovery-codes/"
    assert len(client.get("/account/recovery-codes/").context["unused_codes"]) == 10
    assert client.get("/cases/").status_code == 200


def test_an_older_session_owes_the_code_that_was_set_up_since():
    ana = person("ana", "analyst", bank())
    client = inside(ana, proved=False)
    with_app(ana)

    pages = ["/cases/", "/account/", "/account/second-factor/remove/", "/account/again/"]

    assert {client.get(each).headers["Location"].partition("?")[0] for each in pages} == {"/account/again/code/"}


def test_the_code_lets_it_go_on():
    ana = person("ana", "analyst", bank())
    client = inside(ana, proved=False)
    secret = with_app(ana)

    answer = client.post("/account/again/code/?next=/cases/", {"code": code(secret)})

    assert answer["Location"] == "/cases/"
    assert client.get("/cases/").status_code == 200


def test_a_supervisor_cannot_go_without():
    sue = person("sue", "supervisor", bank())
    with_app(sue)

    page = inside(sue, proved=True).post("/account/second-factor/remove/")

    assert page.status_code == 200
    assert Authenticator.objects.filter(user=sue).count() == 1


def test_what_is_sensitive_asks_again_after_five_minutes():
    ana = person("ana", "analyst", bank())
    secret = with_app(ana)
    client = moved(inside(ana, proved=True), began=301)

    asked = client.get("/account/second-factor/remove/")

    assert asked["Location"] == "/account/again/code/?next=%2Faccount%2Fsecond-factor%2Fremove%2F"
    assert client.post(asked["Location"], {"code": code(secret)})["Location"] == "/account/second-factor/remove/"


def test_machines_need_no_session():
    assert Client().get("/api/docs").status_code == 200
    assert Client().get("/api/v1/risk/assessments").status_code == 401
