"""What an assertion must be to prove anything; the many ways to forge one are in tests/security."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client

from apps.oauth import assertions, services
from apps.oauth.jwks import usable_keys
from apps.oauth.models import AccessToken, UsedAssertion
from apps.oauth.problems import ClientRefused
from apps.tenants.services import register_client
from tests.oauth.signing import TOKEN_URL, ask_signed, claims, ec_key, key_set, signed

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
NOW_S = int(NOW.timestamp())
SYSTEM = "8f7ad0a4-3d94-4bd4-8b2c-1f5d5e2f7a10"


def verify(key, told, *, jwks_uri="", **header):
    keys = usable_keys(key_set(key))
    present = {name: value for name, value in told.items() if value is not None}
    assertion = assertions.read(signed(key, present, **header))
    return assertions.verify(assertion, key=keys[key.kid], audience=TOKEN_URL, jwks_uri=jwks_uri, now=NOW)


def good(**other):
    return claims(SYSTEM, iat=NOW_S, exp=NOW_S + 300, jti="j-1", **other)


def test_a_good_assertion_says_who_and_which_and_until_when(ec):
    assertion = assertions.read(signed(ec, good()))

    assert str(assertion.client_id) == SYSTEM
    assert verify(ec, good()) == assertions.Verified(jti="j-1", expires_at=NOW + timedelta(seconds=300))


@pytest.mark.parametrize("other", [{"aud": [TOKEN_URL]}, {"iat": None}, {"nbf": NOW_S + 10}, {"more": "claims"}])
def test_what_the_standards_leave_open_is_open(ec, other):
    assert verify(ec, good() | other).jti == "j-1"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"exp": NOW_S + 310}, None),
        ({"exp": NOW_S + 311}, "lifetime"),
        ({"exp": NOW_S - 9}, None),
        ({"exp": NOW_S - 10}, "expired"),
        ({"iat": NOW_S + 10}, None),
        ({"iat": NOW_S + 11}, "future"),
        ({"nbf": NOW_S + 11}, "future"),
    ],
)
def test_clocks_may_differ_by_ten_seconds(ec, other, reason):
    refused = ""
    try:
        verify(ec, good() | other)
    except ClientRefused as why:
        refused = why.reason

    assert refused == (reason or "")


def test_the_address_of_the_keys_may_be_named_if_it_is_the_registered_one(ec):
    uri = "https://keys.bank.example/jwks.json"

    assert verify(ec, good(), jwks_uri=uri, jku=uri)
    with pytest.raises(ClientRefused):
        verify(ec, good(), jwks_uri=uri, jku=uri + "?")
    with pytest.raises(ClientRefused):
        verify(ec, good(), jku=uri)


@pytest.mark.django_db
def test_an_assertion_counts_once(client, with_keys, ec):
    assertion = signed(ec, claims(str(with_keys.pk)))

    assert ask_signed(client, assertion).status_code == 200
    assert ask_signed(client, assertion).json() == {"error": "invalid_client"}
    assert AccessToken.objects.count() == 1


@pytest.mark.django_db
def test_an_assertion_that_asked_too_much_is_used_up_too(client, with_keys, ec):
    assertion = signed(ec, claims(str(with_keys.pk)))

    assert ask_signed(client, assertion, scope="risk.write").json()["error"] == "invalid_scope"
    assert ask_signed(client, assertion).json()["error"] == "invalid_client"


@pytest.mark.django_db
def test_two_clients_may_use_the_same_identifier(client, with_keys, bank, ec):
    other = register_client(institution=bank, name="other", mode="test", now=NOW)
    services.register_application(client=other, jwks=key_set(ec), now=NOW)

    for system in (with_keys, other):
        assert ask_signed(client, signed(ec, claims(str(system.pk), jti="j-1"))).status_code == 200


@pytest.mark.django_db
def test_a_client_that_changes_to_keys_leaves_its_secret_behind(client, with_secret):
    system, key = with_secret
    own = ec_key("own")
    services.register_application(client=system, jwks=key_set(own), now=NOW)

    assert ask_signed(client, signed(own, claims(str(system.pk)))).status_code == 200
    with pytest.raises(ClientRefused):
        services.authenticate_secret(client_id=str(system.pk), secret=key, now=NOW)


@pytest.mark.django_db
def test_used_assertions_are_forgotten_when_they_could_not_be_used_anyway(client, with_keys, ec):
    ask_signed(client, signed(ec, claims(str(with_keys.pk))))
    now = datetime.now(UTC)
    services.purge(now + timedelta(seconds=119))
    kept = UsedAssertion.objects.count()
    services.purge(now + timedelta(seconds=150))

    assert (kept, UsedAssertion.objects.count()) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_gets_a_token(with_keys, ec):
    assertion = signed(ec, claims(str(with_keys.pk)))
    together = threading.Barrier(8)

    def present(_number):
        together.wait()
        try:
            return ask_signed(Client(), assertion).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(present, range(8)))

    assert statuses == [200] + [401] * 7
    assert AccessToken.objects.count() == 1
