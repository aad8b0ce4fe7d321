"""Signing in by password and code, and what a session is worth."""

import re

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client

from apps.audit.models import AuditEvent
from apps.people import sessions
from apps.tenants.people import deactivate_user, end_sessions
from tests.people.door import NOW, bank, code, inside, person, sign_in, with_app

pytestmark = pytest.mark.django_db


def events(action: str) -> int:
    return AuditEvent.objects.filter(action=action).count()


def test_an_analyst_signs_in_by_name_or_by_address():
    person("ana", "analyst", bank())

    by_name, by_address = sign_in(Client(), "ana"), sign_in(Client(), "Ana@Example.org")

    assert [answer.status_code for answer in (by_name, by_address)] == [302, 302]
    assert by_name["Location"] == by_address["Location"] == "/account/start/"
    assert events("session.opened") == 2


@pytest.mark.parametrize(("name", "password"), [("ana", "wrong"), ("nobody", "wrong"), ("ana", ""), ("a\x00b", "x")])
def test_a_wrong_pair_opens_nothing(name, password):
    person("ana", "analyst", bank())
    client = Client()

    answer = sign_in(client, name, password)

    assert answer.status_code == 200
    assert sessions.BEGAN not in client.session


def test_a_refusal_is_written_down_without_what_was_typed():
    ana = person("ana", "analyst", bank())

    sign_in(Client(), "ana", "my secret typed here")
    sign_in(Client(), "my secret as a name", "x")

    known, unknown = AuditEvent.objects.filter(action="sign_in.refused").order_by("-subject_id")
    assert (known.subject_id, unknown.subject_id) == (str(ana.pk), "")
    assert "secret" not in str(AuditEvent.objects.filter(action="sign_in.refused").values_list())


def test_an_unknown_name_and_a_wrong_password_look_the_same():
    person("ana", "analyst", bank())

    wrong, unknown = sign_in(Client(), "ana", "wrong"), sign_in(Client(), "eva", "wrong")

    tokens = re.compile(r'value="\w{64}"|value="(?:ana|eva)"')
    assert tokens.sub("", wrong.content.decode()) == tokens.sub("", unknown.content.decode())


def test_with_an_app_a_password_alone_opens_nothing():
    with_app(person("ana", "analyst", bank()))
    client = Client()

    assert sign_in(client, "ana")["Location"] == "/account/sign-in/code/"
    assert client.get("/account/")["Location"].startswith("/account/sign-in/")
    assert events("session.opened") == 0


def test_the_code_of_the_app_opens_the_session():
    secret = with_app(person("ana", "analyst", bank()))
    client = Client()
    sign_in(client, "ana")

    answer = client.post("/account/sign-in/code/", {"code": code(secret)})

    assert answer["Location"] == "/account/start/"
    assert client.get("/account/").status_code == 200
    assert (events("second_factor.shown"), events("session.opened")) == (1, 1)


def test_a_code_opens_once():
    secret = with_app(person("ana", "analyst", bank()))
    once, twice = Client(), Client()
    sign_in(once, "ana"), sign_in(twice, "ana")
    shown = code(secret)

    first = once.post("/account/sign-in/code/", {"code": shown})
    second = twice.post("/account/sign-in/code/", {"code": shown})

    assert (first.status_code, second.status_code) == (302, 200)
    assert events("second_factor.refused") == 1


@pytest.mark.parametrize("periods", [-2, -1, 1, 2])
def test_a_code_of_another_half_minute_opens_nothing(periods):
    secret = with_app(person("ana", "analyst", bank()))
    client = Client()
    sign_in(client, "ana")

    assert client.post("/account/sign-in/code/", {"code": code(secret, periods=periods)}).status_code == 200


def test_the_secret_is_sealed_in_the_database():
    ana = person("ana", "analyst", bank())
    secret = with_app(ana)

    stored = Authenticator.objects.get(user=ana).data["secret"]

    assert secret not in stored
    assert len(stored) > 2 * len(secret)


def test_signing_in_gives_the_session_another_name():
    person("ana", "analyst", bank())
    client = Client()
    client.get("/account/sign-in/")
    session = client.session
    session["planted"] = "x"
    session.save()
    client.cookies["sessionid"] = planted = str(session.session_key)

    sign_in(client, "ana")

    assert client.cookies["sessionid"].value != planted
    stranger = Client()
    stranger.cookies["sessionid"] = planted
    assert stranger.get("/account/").status_code == 302


def test_a_session_copied_before_signing_out_opens_nothing_after():
    client = inside(person("ana", "analyst", bank()), proved=False)
    thief = Client()
    thief.cookies["sessionid"] = client.cookies["sessionid"].value
    assert thief.get("/account/").status_code == 200

    client.post("/account/sign-out/")

    assert thief.get("/account/").status_code == 302
    assert events("session.closed") == 1


def test_signing_out_everywhere_ends_every_session():
    ana = person("ana", "analyst", bank())
    here, there = inside(ana, proved=False), inside(ana, proved=False)

    here.post("/account/sign-out/everywhere/")

    assert [each.get("/account/").status_code for each in (here, there)] == [302, 302]


@pytest.mark.parametrize("service", [deactivate_user, end_sessions])
def test_an_operator_ends_sessions_at_once(service):
    ana = person("ana", "analyst", bank())
    client = inside(ana, proved=False)

    service(user=ana, actor="user:1", now=NOW)

    assert client.get("/account/").status_code == 302


def test_who_was_parted_from_cannot_sign_in():
    ana = person("ana", "analyst", bank())
    deactivate_user(user=ana, actor="user:1", now=NOW)
    client = Client()

    sign_in(client, "ana")

    assert sessions.BEGAN not in client.session


@pytest.mark.parametrize("path", ["/account/signup/", "/account/email/", "/account/password/reset/", "/admin/login/x"])
def test_what_allauth_offers_beyond_the_door_does_not_exist(path):
    assert Client().get(path).status_code in {302, 404}
