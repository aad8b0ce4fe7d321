"""Which keys are taken, from where they are read, and how seldom."""

import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc.jwk import OctKey

from apps.common.errors import InvalidInput
from apps.oauth import fetching, keysets
from apps.oauth.jwks import checked_document, usable_keys
from apps.oauth.models import Application
from apps.oauth.problems import ClientRefused, KeySetRefused
from apps.oauth.services import register_application
from apps.tenants.keys import ClientGone
from apps.tenants.services import create_client, revoke_client
from tests.oauth.signing import ec_key, key_set, rsa_key

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
URI = "https://keys.bank.example/jwks.json"
HOSTS = ["keys.bank.example"]


def jwk(key, **other):
    members = dict(key.as_dict(private=False)) | other
    return {"keys": [{name: value for name, value in members.items() if value is not None}]}


def test_a_set_is_kept_with_its_public_members_alone(ec, rsa):
    kept = checked_document(key_set(ec, rsa) | {"more": 1})

    assert [(key["kid"], key["alg"], sorted(key)) for key in kept["keys"]] == [
        ("ec-1", "ES384", ["alg", "crv", "kid", "kty", "use", "x", "y"]),
        ("rsa-1", "RS384", ["alg", "e", "kid", "kty", "n", "use"]),
    ]


@pytest.mark.parametrize(
    "other",
    [
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": 5},
        {"alg": "ES256"},
        {"kid": None},
        {"kid": 5},
        {"x": "AA"},
        {"crv": "P-256"},
        {"kty": "oct"},
        {"kty": ["EC"]},
        {"y": None},
    ],
)
def test_a_key_for_something_else_is_passed_over(ec, other):
    assert usable_keys(jwk(ec, **other)) == {}


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
@pytest.mark.parametrize("bits", [1024, 2040])
def test_a_weak_rsa_key_is_passed_over(bits):
    assert usable_keys(key_set(rsa_key(bits=bits))) == {}


def test_other_curves_are_passed_over():
    assert usable_keys(key_set(ec_key(crv="P-256"), ec_key("b", crv="P-521"))) == {}


@pytest.mark.parametrize("document", [None, 5, [], {}, {"keys": {}}, {"keys": [5]}, {"keys": [{}]}, {"keys": []}])
def test_what_is_no_key_set_is_refused(document):
    with pytest.raises(KeySetRefused):
        checked_document(document)


def test_a_private_key_is_sent_back(ec):
    with pytest.raises(KeySetRefused, match="public halves"):
        checked_document({"keys": [dict(ec.as_dict(private=True))]})


def test_a_shared_key_is_sent_back(ec):
    shared = dict(OctKey.generate_key(256, {"kid": "s"}).as_dict())

    with pytest.raises(KeySetRefused, match="public halves"):
        checked_document({"keys": [*key_set(ec)["keys"], shared]})


def test_two_keys_of_one_name_are_refused(ec):
    with pytest.raises(KeySetRefused, match="same kid"):
        checked_document(key_set(ec, ec_key("ec-1")))


def test_too_many_keys_are_refused(ec):
    with pytest.raises(KeySetRefused, match="at most 20"):
        usable_keys({"keys": key_set(ec)["keys"] * 21})


@pytest.mark.parametrize(
    "uri",
    [
        "http://keys.bank.example/",
        "https://keys.bank.example:8443/",
        "https://user@keys.bank.example/",
        "nowhere",
        "",
        "https://keys.bank.example/#x",
        "https://evil.example/",
        "https://keys.bank.example.evil.example/",
        "https://keys.bank.example\\@evil.example/",
        "https://keys.bank.example:x/",
        "https://[::1/",
        "https://127.0.0.1/",
    ],
)
def test_an_address_that_the_operator_did_not_allow_is_never_asked(uri, monkeypatch):
    monkeypatch.setattr(fetching, "GUARD", None)

    with pytest.raises(KeySetRefused):
        fetching.fetch(uri, hosts=HOSTS)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "100.64.0.1", "::1", "::ffff:127.0.0.1", "fd00::1", "0.0.0.0"],
)
def test_a_name_that_leads_into_a_private_network_is_not_followed(address, monkeypatch):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    answer = [(family, socket.SOCK_STREAM, 6, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answer)

    with pytest.raises(fetching.Unreachable, match="InvalidIPAddress"):
        fetching.fetch(URI, hosts=HOSTS)


@pytest.fixture
def asked(monkeypatch, ec):
    """What the client's address answers, and how often it was asked."""
    state: dict[str, Any] = {"answer": key_set(ec), "times": 0}

    def fetch(_uri, *, hosts):
        state["times"] += 1
        if isinstance(state["answer"], Exception):
            raise state["answer"]
        return state["answer"]

    monkeypatch.setattr(keysets, "fetch", fetch)
    return state


@pytest.fixture
def elsewhere(bank):
    client, _ = create_client(institution=bank, name="elsewhere", mode="test", now=NOW)
    return register_application(client=client, jwks_uri=URI, hosts=HOSTS, now=NOW)


def found(application, kid, seconds):
    application.refresh_from_db()
    return keysets.key_of(application, kid=kid, now=NOW + timedelta(seconds=seconds)).kid


def test_a_set_is_read_once_and_then_kept_for_five_minutes(elsewhere, asked):
    assert [found(elsewhere, "ec-1", seconds) for seconds in (0, 1, 299)] == ["ec-1"] * 3
    assert asked["times"] == 1
    assert found(elsewhere, "ec-1", 301) == "ec-1"
    assert asked["times"] == 2


def test_a_key_nobody_knows_asks_once_in_thirty_seconds(elsewhere, asked):
    found(elsewhere, "ec-1", 0)
    for seconds in (1, 2, 31, 32, 33):
        with pytest.raises(ClientRefused):
            found(elsewhere, "ec-2", seconds)

    assert asked["times"] == 2


def test_a_new_key_is_found_within_thirty_seconds(elsewhere, asked):
    found(elsewhere, "ec-1", 0)
    asked["answer"] = key_set(ec_key("ec-2"))

    assert found(elsewhere, "ec-2", 31) == "ec-2"
    with pytest.raises(ClientRefused):
        found(elsewhere, "ec-1", 32)


def test_a_set_that_cannot_be_read_again_is_good_for_an_hour(elsewhere, asked):
    found(elsewhere, "ec-1", 0)
    asked["answer"] = fetching.Unreachable("status 503")

    assert found(elsewhere, "ec-1", 3600) == "ec-1"
    with pytest.raises(ClientRefused):
        found(elsewhere, "ec-1", 3631)


def test_a_set_with_a_private_key_is_not_read(elsewhere, asked, ec):
    asked["answer"] = {"keys": [dict(ec.as_dict(private=True))]}

    with pytest.raises(ClientRefused):
        found(elsewhere, "ec-1", 0)
    assert Application.objects.get().jwks is None


def test_a_set_and_its_address_exclude_each_other(bank, ec):
    client, _ = create_client(institution=bank, name="both", mode="test", now=NOW)

    with pytest.raises(InvalidInput):
        register_application(client=client, jwks=key_set(ec), jwks_uri=URI, hosts=HOSTS, now=NOW)


def test_a_revoked_client_registers_nothing(bank, ec):
    client, _ = create_client(institution=bank, name="gone", mode="test", now=NOW)
    revoke_client(client=client, now=NOW)

    with pytest.raises(ClientGone):
        register_application(client=client, jwks=key_set(ec), now=NOW)
    assert Application.objects.count() == 0


def test_numbers_that_only_cost_time_are_passed_over(rsa):
    long = {"keys": [{**key_set(rsa)["keys"][0], "n": "A" * 4000 + "B"}]}

    assert usable_keys(json.loads(json.dumps(long))) == {}
