"""The administration: for operators with a second factor, and what it does asks for another code."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from apps.audit.models import AuditEvent
from apps.people import services, sessions
from apps.tenants.models import User
from tests.people.door import NOW, PASSWORD, bank, code, inside, person, sign_in, with_app

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, stderr=StringIO())
    return out.getvalue().strip()


def act(client: Client, action: str, *chosen: User) -> str:
    answer = client.post("/admin/tenants/user/", {"action": action, "_selected_action": [each.pk for each in chosen]})
    return str(answer["Location"])


def test_people_are_seen_and_not_edited(admin_client):
    ana = person("ana", "analyst", bank())

    page = admin_client.get(f"/admin/tenants/user/{ana.pk}/change/")

    assert b"ana@example.org" in page.content
    assert ana.password.encode() not in page.content
    assert admin_client.post(f"/admin/tenants/user/{ana.pk}/change/", {"is_staff": "on"}).status_code == 403
    assert admin_client.get("/admin/tenants/user/add/").status_code == 403


@pytest.mark.parametrize(
    "model", ["mfa/authenticator", "account/emailaddress", "socialaccount/socialaccount", "auth/group"]
)
def test_credentials_have_no_page(admin_client, model):
    assert admin_client.get(f"/admin/{model}/").status_code == 404


@pytest.mark.parametrize(
    ("action", "event"),
    [
        ("sign_out_everywhere", "sessions.ended"),
        ("reset_second_factors", "second_factor.reset"),
        ("deactivate", "user.deactivated"),
    ],
)
def test_what_is_done_to_people_is_in_the_trail(admin_client, action, event):
    ana = person("ana", "analyst", bank())
    with_app(ana)

    act(admin_client, action, ana)

    operator = User.objects.get(username="admin")
    assert AuditEvent.objects.get(action=event, subject_id=str(ana.pk)).actor == f"user:{operator.pk}"


def test_what_is_dangerous_asks_for_another_code():
    ana, opa = person("ana", "analyst", bank()), person("opa", "operator")
    secret = with_app(opa)
    client = inside(opa, proved=True)
    session = client.session
    session[sessions.BEGAN] -= 301
    session.save()

    asked = act(client, "deactivate", ana)
    back = client.post(asked, {"code": code(secret)})["Location"]
    done = act(client, "deactivate", ana)

    assert (asked, back) == ("/account/again/code/?next=%2Fadmin%2Ftenants%2Fuser%2F", "/admin/tenants/user/")
    assert done == "/admin/tenants/user/"
    assert AuditEvent.objects.filter(action="user.deactivated").count() == 1


def test_django_has_no_door_of_its_own(admin_client):
    assert Client().get("/admin/login/")["Location"].startswith("/account/sign-in/")
    assert admin_client.get("/admin/login/").status_code == 403
    assert admin_client.post("/admin/logout/")["Location"] == "/account/sign-out/"
    assert admin_client.get("/admin/password_change/")["Location"] == "/account/password/"


def test_somebody_new_sets_a_password_by_the_link_that_a_command_prints():
    bank()
    link = run("create_user", "ana", "--email", "ana@example.org", "--role", "analyst", "--institution", "First Bank")
    client = Client()

    form = client.get(link)["Location"]
    done = client.post(form, {"password1": PASSWORD, "password2": PASSWORD})

    assert done["Location"] == "/account/password/set/"
    assert sign_in(Client(), "ana").status_code == 302
    assert b"This link has ended" in Client().get(link).content


@pytest.mark.parametrize("password", ["short", "password1234", "ana@example.org", "1q2w3e4r5t6y"])
def test_a_weak_password_is_refused(password):
    bank()
    link = run("create_user", "ana", "--email", "ana@example.org")
    client = Client()

    client.post(client.get(link)["Location"], {"password1": password, "password2": password})

    assert not User.objects.get().has_usable_password()


def test_commands_give_take_and_part():
    bank()
    run("create_user", "ana")

    assert run("grant_role", "ana", "supervisor", "--institution", "First Bank") == "ana: done."
    assert run("withdraw_role", "ana", "supervisor", "--institution", "First Bank") == "ana: done."
    assert run("invite_user", "ana").startswith("/account/password/set/")
    assert run("link_user", "ana", "--issuer", "https://id.example", "--subject", "7") == "ana: done."
    assert run("deactivate_user", "ana") == "ana: done."
    assert AuditEvent.objects.filter(actor="command:deactivate_user").count() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create_user", "ana"], "signs in with this name"),
        (["create_user", "eva", "--role", "analyst"], "Here a role is one of: operator"),
        (["create_user", "eva", "--role", "analyst", "--institution", "x"], "no institution called 'x'"),
        (["grant_role", "eva", "analyst"], "nobody called 'eva'"),
        (["grant_role", "ana", "king"], "invalid choice: 'king'"),
        (["reset_second_factor", "ana"], "has no second factor"),
    ],
)
def test_a_mistake_is_explained(arguments, message):
    run("create_user", "ana")

    with pytest.raises(CommandError, match=message):
        run(*arguments)
    assert User.objects.count() == 1


def test_who_lost_the_phone_sets_up_another():
    sue = person("sue", "supervisor", bank())
    with_app(sue)

    services.reset_second_factor(user=sue, actor="user:1", now=NOW)

    client = Client()
    sign_in(client, "sue")
    assert client.get("/account/")["Location"].startswith("/account/second-factor/set-up/")
