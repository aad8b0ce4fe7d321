"""The token endpoint as HTTP has it: forms, refusals, metadata."""

import base64

import pytest
from django.db import OperationalError

from apps.oauth import services
from apps.oauth.models import AccessToken
from tests.oauth.signing import ASSERTION, ask, claims, signed

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


def basic(text):
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    ("body", "kind", "error"),
    [
        ("", FORM, "invalid_request"),
        ("grant_type=client_credentials&grant_type=password", FORM, "invalid_request"),
        ("grant_type=client_credentials&client_id=a&client_id=b", FORM, "invalid_request"),
        ("grant_type=authorization_code&code=x", FORM, "unsupported_grant_type"),
        ("grant_type=password&username=a&password=b", FORM, "unsupported_grant_type"),
        ("grant_type=refresh_token&refresh_token=x", FORM, "unsupported_grant_type"),
        ("grant_type=urn:ietf:params:oauth:grant-type:device_code", FORM, "unsupported_grant_type"),
        ('{"grant_type": "client_credentials"}', "application/json", "invalid_request"),
        ("&".join(f"a{number}=1" for number in range(1100)), FORM, "invalid_request"),
        ("a=" + "x" * 17_000, FORM, "invalid_request"),
    ],
)
def test_what_is_no_request_for_a_token_is_refused(client, body, kind, error):
    answer = client.post("/oauth/token", body, content_type=kind)

    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.parametrize("text", ["", ":", "x", "x:y", "\x00:\x00", "é:é", "%00:%ff"])
def test_whoever_proves_nothing_is_told_how_to(client, with_secret, text):
    answer = ask(client, headers=basic(text))

    assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"})
    assert answer["WWW-Authenticate"] == 'Basic realm="assay"'
    assert AccessToken.objects.count() == 0


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic \u00ff", "Bearer x", "Digest x"])
def test_a_header_that_is_none_is_refused(client, header):
    assert ask(client, headers={"Authorization": header}).status_code == 401


def test_one_way_to_prove_oneself_is_enough(client, with_secret):
    system, key = with_secret
    answer = ask(client, headers=basic(f"{system.pk}:{key}"), client_secret=key, client_id=str(system.pk))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_a_secret_and_an_assertion_are_one_too_many(client, with_keys, with_secret, ec):
    assertion = signed(ec, claims(str(with_keys.pk)))
    form = {"client_assertion": assertion, "client_assertion_type": ASSERTION, "client_secret": with_secret[1]}

    assert ask(client, **form).json()["error"] == "invalid_request"


def test_a_secret_goes_with_its_own_client_alone(client, with_secret, with_keys):
    answer = ask(client, client_id=str(with_keys.pk), client_secret=with_secret[1])

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_tokens_are_posted_for(client, method):
    assert getattr(client, method)("/oauth/token").status_code == 405


def test_parameters_in_the_address_are_refused(client, with_secret):
    answer = client.post(
        f"/oauth/token?client_secret={with_secret[1]}", "grant_type=client_credentials", content_type=FORM
    )

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_when_the_store_is_away_a_client_is_to_try_again(client, with_secret, monkeypatch):
    def away(**_told):
        raise OperationalError("gone")

    monkeypatch.setattr(services, "issue_token", away)
    answer = ask(client, headers=basic(":".join(map(str, (with_secret[0].pk, with_secret[1])))))

    assert (answer.status_code, answer.json()) == (503, {"error": "temporarily_unavailable"})
    assert answer["Retry-After"] == "5"


def test_revoking_takes_a_client_too(client):
    answer = client.post("/oauth/revoke", "token=at_x", content_type=FORM)

    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("path", ["/.well-known/oauth-authorization-server", "/.well-known/smart-configuration"])
def test_what_there_is_to_know_is_known_before_the_first_request(client, path, settings):
    settings.OAUTH_TOKEN_URL = "https://assay.bank.example/oauth/token"
    told = client.get(path).json()

    assert told["issuer"] == "https://assay.bank.example"
    assert told["token_endpoint"] == "https://assay.bank.example/oauth/token"
    assert told["grant_types_supported"] == ["client_credentials"]
    assert told["token_endpoint_auth_signing_alg_values_supported"] == ["ES384", "RS384"]
    assert "private_key_jwt" in told["token_endpoint_auth_methods_supported"]
    assert "risk.read" in told["scopes_supported"]
    assert "authorization_endpoint" not in told


def test_nothing_that_was_sent_is_logged(client, with_secret, caplog):
    system, key = with_secret
    ask(client, headers=basic(f"{system.pk}:{key}x"))
    token = ask(client, headers=basic(f"{system.pk}:{key}")).json()["access_token"]

    logged = caplog.text
    assert "oauth.client_refused" in logged
    assert key not in logged
    assert token not in logged
