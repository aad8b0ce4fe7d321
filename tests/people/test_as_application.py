"""The whole way in, by the role that PostgreSQL's policies bind."""

import pytest
from django.test import Client

from apps.audit.models import AuditEvent
from apps.people.admission import Admission
from apps.tenants.models import Membership
from apps.tenants.people import grant_role
from tests.people.door import NOW, bank, code, inside, person, sign_in, with_app
from tests.people.providers import lying_provider, trusting
from tests.walls import as_application

pytestmark = pytest.mark.django_db

ADMISSION = Admission(claim="groups", roles={"fraud": ("First Bank", "analyst")})


def test_a_supervisor_sets_up_a_factor_and_comes_back_with_it():
    person("sue", "supervisor", bank())
    client, again = Client(), Client()

    with as_application():
        sign_in(client, "sue")
        secret = client.get("/account/second-factor/set-up/").context["form"].secret
        codes = client.post("/account/second-factor/set-up/", {"code": code(secret)})["Location"]
        assert client.get(codes).status_code == client.get("/account/").status_code == 200
        assert sign_in(again, "sue")["Location"] == "/account/sign-in/code/"
        assert client.post("/account/sign-out/everywhere/").status_code == 302

    assert (
        AuditEvent.objects.filter(action__in=["session.opened", "second_factor.set_up", "sessions.ended"]).count() == 3
    )


def test_somebody_in_two_institutions_chooses_and_changes_the_password():
    first, second = bank(), bank("Second Bank")
    ana = person("ana", "analyst", first)
    grant_role(user=ana, role="analyst", institution=second, actor="system", now=NOW)
    ana.refresh_from_db()
    client = inside(ana, proved=False)
    words = {
        "oldpassword": "quiet harbour at dusk",
        "password1": "seven geese in fog",
        "password2": "seven geese in fog",
    }

    with as_application():
        assert b"Second Bank" in client.get("/account/institution/").content
        client.post("/account/institution/", {"institution": str(second.pk)})
        changed = client.post("/account/password/", words)

    assert changed.status_code == 302
    assert AuditEvent.objects.filter(action="password.changed").count() == 2  # each institution sees it


def test_an_operator_sees_people_and_parts_from_one():
    ana, opa = person("ana", "analyst", bank()), person("opa", "operator")
    with_app(opa)
    client = inside(opa, proved=True)

    with as_application():
        listed = client.get("/admin/tenants/user/")
        done = client.post("/admin/tenants/user/", {"action": "deactivate", "_selected_action": [ana.pk]}, follow=True)

    ana.refresh_from_db()
    assert b"ana@example.org" in listed.content
    assert (done.status_code, ana.is_active) == (200, False)


def test_a_stranger_is_made_known_by_the_provider():
    bank()

    with lying_provider() as liar, trusting(liar.issuer, OIDC_ADMISSION=ADMISSION), as_application():
        liar.lie = lambda claims: claims | {"groups": "fraud"}
        answer = liar.come_back(Client())

    assert answer["Location"] == "/account/start/"
    assert Membership.objects.get().role == "analyst"


def test_what_was_refused_is_written_down():
    person("ana", "analyst", bank())

    with as_application():
        sign_in(Client(), "ana", "wrong")
        sign_in(Client(), "nobody", "wrong")

    assert AuditEvent.objects.filter(action="sign_in.refused").count() == 2
