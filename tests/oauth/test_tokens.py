"""Tokens: for whom, for how long, for what, and where they are not kept."""

import base64
from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.audit import refusals
from apps.audit.models import AuditEvent
from apps.oauth import services
from apps.oauth.models import AccessToken
from apps.oauth.problems import TokenRefused
from apps.tenants.keys import digest
from apps.tenants.services import create_client, revoke_client
from tests.oauth.conftest import NOW
from tests.oauth.signing import ask, ask_signed, claims, signed

pytestmark = pytest.mark.django_db

THRESHOLDS = "/api/v1/risk/thresholds"
ASSESSMENTS = "/api/v1/risk/assessments"


def basic(client, key):
    encoded = base64.b64encode(f"{client.pk}:{key}".encode()).decode()
    return {"Authorization": f"Basic {encoded}"}


def get(token, url=ASSESSMENTS):
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {token}").get(url)


@pytest.fixture
def token(client, with_secret):
    return ask(client, headers=basic(*with_secret)).json()["access_token"]


def test_a_secret_buys_a_token_for_minutes(client, with_secret):
    answer = ask(client, headers=basic(*with_secret))

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert {**answer.json(), "access_token": "…"} == {
        "access_token": "…",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "risk.read risk.write",
    }


def test_a_secret_may_come_in_the_form(client, with_secret):
    system, key = with_secret

    assert ask(client, client_id=str(system.pk), client_secret=key).status_code == 200


@pytest.mark.parametrize("alg", ["ES384", "RS384"])
def test_a_signed_assertion_buys_a_token(client, with_keys, ec, rsa, alg):
    key = {"ES384": ec, "RS384": rsa}[alg]
    answer = ask_signed(client, signed(key, claims(str(with_keys.pk)), alg=alg))

    assert answer.status_code == 200
    assert answer.json()["scope"] == "risk.read audit.read"


def test_a_token_opens_what_its_scopes_say(client, with_secret):
    token = ask(client, headers=basic(*with_secret), scope="risk.read").json()["access_token"]

    assert get(token).status_code == 200
    assert get(token, THRESHOLDS).json()["code"] == "insufficient_scope"


def test_a_token_is_stored_nowhere(token):
    row = AccessToken.objects.values().get()

    assert token.startswith("at_")
    assert len(token) == len("at_") + 43
    assert token not in str(row)
    assert row["token_checksum"] == digest(token)


def test_a_token_ends(token):
    now = timezone.now()

    assert services.authenticate_token(token, now=now + timedelta(seconds=290))[0].name == "core"
    with pytest.raises(TokenRefused):
        services.authenticate_token(token, now=now + timedelta(seconds=301))


def test_what_a_client_loses_its_tokens_lose(token, with_secret):
    system, _ = with_secret
    system.scopes = ["risk.write"]
    system.save()

    assert get(token).json()["code"] == "insufficient_scope"


def test_a_token_is_dead_as_soon_as_its_client_is(token, with_secret):
    revoke_client(client=with_secret[0], now=timezone.now())

    assert get(token).status_code == 401


def test_a_token_can_be_given_up(client, token, with_secret):
    answer = client.post(
        "/oauth/revoke", f"token={token}", content_type="application/x-www-form-urlencoded", headers=basic(*with_secret)
    )

    assert (answer.status_code, answer.content) == (200, b"")
    assert get(token).status_code == 401


def test_nobody_gives_up_anothers_token(client, token, bank):
    other = create_client(institution=bank, name="other", mode="test", now=NOW)
    services.register_application(client=other[0], now=NOW)
    answer = client.post(
        "/oauth/revoke", f"token={token}", content_type="application/x-www-form-urlencoded", headers=basic(*other)
    )

    assert answer.status_code == 200
    assert get(token).status_code == 200


@pytest.mark.parametrize("wanted", ["policies.read", "risk.read policies.read", "made.up", "risk.read\u0000"])
def test_nobody_gets_more_than_was_granted(client, with_secret, wanted):
    answer = ask(client, headers=basic(*with_secret), scope=wanted)

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")
    assert AccessToken.objects.count() == 0


def test_issuing_and_giving_up_are_on_record(client, token, with_secret):
    services.revoke_token(application=with_secret[0].application, token=token, now=timezone.now())

    actions = AuditEvent.objects.filter(actor=f"client:{with_secret[0].pk}").values_list("action", flat=True)
    assert sorted(actions) == ["access_token.issued", "access_token.revoked"]


def test_ended_tokens_are_deleted_and_others_stay(token):
    now = timezone.now()
    services.purge(now)
    kept = AccessToken.objects.count()
    services.purge(now + timedelta(hours=2))

    assert (kept, AccessToken.objects.count()) == (1, 0)


def test_a_token_is_looked_up_in_two_queries(token, django_assert_num_queries):
    with django_assert_num_queries(2):
        services.authenticate_token(token, now=timezone.now())


@pytest.mark.parametrize("unknown", ["at_", "at_\ud800", "at_" + "x" * 10_000])
def test_an_unknown_token_costs_the_same(db, unknown, django_assert_num_queries):
    with django_assert_num_queries(2), pytest.raises(TokenRefused):
        services.authenticate_token(unknown, now=timezone.now())


def test_a_client_that_is_refused_is_in_the_installations_trail(client, with_secret, monkeypatch):
    monkeypatch.setattr(refusals, "coalescer", refusals.Coalescer())
    ask(client, client_id=str(with_secret[0].pk), client_secret="a guess")

    event = AuditEvent.objects.get(action="access.refused")
    assert (event.actor, event.institution_id, event.subject_id) == ("unknown", None, "oauth-token")
    assert event.details == {"code": "client.secret", "count": 1}
