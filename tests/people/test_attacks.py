"""The attacks at small size, and those that need no size."""

import time
from contextlib import ExitStack

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.people import sessions
from tests.people import attacks
from tests.people.door import bank, inside, person, sign_in

pytestmark = pytest.mark.django_db


def knocked_out(*defences):
    stack = ExitStack()
    for defence in defences:
        stack.enter_context(defence)
    return stack


def planted(client: Client) -> str:
    client.get("/account/sign-in/")
    session = client.session
    session["x"] = 1
    session.save()
    client.cookies["sessionid"] = str(session.session_key)
    return str(session.session_key)


def reaches(key: str) -> bool:
    thief = Client()
    thief.cookies["sessionid"] = key
    return thief.get("/account/").status_code == 200


def test_the_resolver_gives_every_address_of_the_administration():
    found = attacks.addresses("/admin/")

    assert {"/admin/", "/admin/tenants/user/", "/admin/tenants/user/1/change/", "/admin/login/"} <= set(found)
    assert len(found) >= 40


@pytest.mark.parametrize("proved", [False, True])
def test_a_second_factor_divides_the_administration(proved):
    client = inside(person("opa", "operator"), proved=proved)

    statuses = attacks.crawl(client, "/admin/tenants/", ("get",)).statuses()

    assert (statuses[200] > 0) is proved


def test_a_planted_session_is_not_signed_in_to():
    person("ana", "analyst", bank())
    victim = Client()
    key = planted(victim)

    sign_in(victim, "ana")

    assert (reaches(str(victim.cookies["sessionid"].value)), reaches(key)) == (True, False)


def test_without_rotation_a_planted_session_opens():
    person("ana", "analyst", bank())
    victim = Client()
    key = planted(victim)

    with knocked_out(*attacks.NO_ROTATION):
        sign_in(victim, "ana")

    assert reaches(key)


@pytest.mark.parametrize(("defences", "opens"), [((), False), (attacks.NO_FLUSH, True)])
def test_signing_out_is_what_ends_a_stolen_session(defences, opens):
    client = inside(person("ana", "analyst", bank()), proved=False)
    key = str(client.cookies["sessionid"].value)

    with knocked_out(*defences):
        client.post("/account/sign-out/")

    assert reaches(key) is opens


@pytest.mark.parametrize(("defences", "status"), [((), 302), (attacks.NO_LOCK, 200)])
def test_the_lock_is_what_ends_a_session_left_alone(defences, status):
    client = inside(person("ana", "analyst", bank()), proved=False)
    session = client.session
    session[sessions.SEEN] = time.time() - 3600
    session.save()

    with knocked_out(*defences):
        assert client.get("/account/").status_code == status


@pytest.mark.parametrize(("defences", "opened"), [((), False), (attacks.NO_LIMIT, True)])
def test_the_limit_is_what_ends_guessing(defences, opened):
    person("ana", "analyst", bank())

    with knocked_out(*defences), attacks.counted_looks() as looked:
        assert attacks.guess(30, right_at=20) is opened
    assert (len(looked) > 20) is opened


def test_a_flood_leaves_a_few_lines_in_the_trail():
    person("ana", "analyst", bank())

    attacks.guess(30, right_at=99)

    assert AuditEvent.objects.filter(action="sign_in.refused").count() == 5
    assert AuditEvent.objects.filter(action="sign_in.locked").count() == 1


def test_one_name_that_is_guessed_at_leaves_others_their_way_in():
    place = bank()
    person("ana", "analyst", place), person("eva", "analyst", place)
    attacks.guess(10, right_at=99)

    assert sign_in(Client(REMOTE_ADDR="10.9.9.9"), "eva").status_code == 302
