"""Clients that are none: forged, bent and replayed assertions, and what happens when a check is taken away."""

import hmac
import socket
import threading
import time
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from requests import Response
from requests.adapters import BaseAdapter
from requests_hardened import Config, Manager

from apps.api import authentication
from apps.oauth import assertions, fetching, services
from apps.oauth.models import AccessToken, Application
from apps.tenants.keys import authenticate_key
from apps.tenants.services import create_client, create_institution, register_client, revoke_client
from tests.oauth.signing import ask, ask_signed, ec_key, key_set, rsa_key, segment, signed
from tests.security.forgeries import BENT, FORGERIES, P384_ORDER, World, mac, posted

pytestmark = [pytest.mark.security, pytest.mark.django_db(transaction=True)]

AT_ONCE, ROUNDS, REVOCATIONS = 50, 20, 20
URI = "https://keys.bank.example/jwks.json"
ASSESSMENTS = "/api/v1/risk/assessments"


@pytest.fixture
def world():
    now, ec, rsa, neighbours = timezone.now(), ec_key(), rsa_key(), ec_key("own")
    bank = create_institution(name="First Bank", kind="bank", actor="system", now=now)
    other = create_institution(name="Second Bank", kind="bank", actor="system", now=now)

    def signing(institution, name, *keys, **more):
        told = {"institution": institution, "name": name, "mode": "test", "scopes": ["risk.read"]}
        client = register_client(**told, now=now - timedelta(days=2), **more)
        services.register_application(client=client, jwks=key_set(*keys), now=now - timedelta(days=2))
        return client

    with_secret, secret = create_client(institution=bank, name="secret", mode="test", now=now)
    services.register_application(client=with_secret, now=now)
    revoked = signing(bank, "revoked", ec)
    revoke_client(client=revoked, now=now)
    return World(
        ours=str(signing(bank, "ours", ec, rsa).pk),
        ec=ec,
        rsa=rsa,
        neighbour=str(signing(bank, "neighbour", neighbours).pk),
        neighbours=neighbours,
        stranger=str(signing(other, "stranger", ec_key("ec-1")).pk),
        with_secret=str(with_secret.pk),
        secret=secret,
        revoked=str(revoked.pk),
        ended=str(signing(bank, "ended", ec, expires_at=now - timedelta(days=1)).pk),
    )


def outcome(http, form):
    answer = ask(http, **form)
    return answer.status_code, answer.json().get("error", "")


def test_every_forgery_is_refused_and_leaves_no_token(world, capsys):
    http = Client()
    outcomes = {name: outcome(http, make(world)) for name, make in FORGERIES.items()}
    bent = {name: outcome(http, make(world)) for name, (make, _error) in BENT.items()}

    assert outcomes == dict.fromkeys(FORGERIES, (401, "invalid_client"))
    assert bent == {name: (400, error) for name, (_make, error) in BENT.items()}
    assert AccessToken.objects.count() == 0
    assert ask_signed(http, signed(world.ec, world.good())).status_code == 200
    with capsys.disabled():
        print(f"\nassertions: {len(outcomes) + len(bent)} ways to forge, bend or misuse one: all refused, 0 tokens")


def test_a_replay_is_refused_even_under_another_signature(world):
    assertion = signed(world.ec, world.good())
    head, body, signature = assertion.split(".")
    rs = urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    s = P384_ORDER - int.from_bytes(rs[48:], "big")  # as good a signature as the first
    twin = f"{head}.{body}.{segment(rs[:48] + s.to_bytes(48, 'big'))}"
    http = Client()

    assert ask_signed(http, assertion).status_code == 200
    assert outcome(http, posted(assertion)) == (401, "invalid_client")
    assert outcome(http, posted(twin)) == (401, "invalid_client")
    assert AccessToken.objects.count() == 1


def naively_verified(assertion, *, key, audience, now, **_told):
    """What many have shipped: the header says how the signature is to be checked."""
    signed_part, _, signature = assertion.compact.rpartition(".")
    expected = mac(key.key.as_pem(private=False), signed_part, alg=assertion.header["alg"])
    assert hmac.compare_digest(signature, expected)
    return assertions._believed(assertion.claims, audience=audience, now=now)


def test_with_the_check_of_the_algorithm_taken_away_a_forgery_opens(world, monkeypatch, capsys):
    monkeypatch.setattr(assertions, "ALGORITHMS", ("none", "HS256", "ES384", "RS384"))
    monkeypatch.setattr(assertions, "verify", naively_verified)
    forged = FORGERIES["HS256, the public key as PEM is the secret"](world)

    assert outcome(Client(), forged) == (200, "")
    with capsys.disabled():
        print("\nassertions, control: without the check of alg, HS256 under the public key gets a token")


def at_once(assertion):
    """How many of many get a token for one assertion."""
    together = threading.Barrier(AT_ONCE)

    def present(_number):
        together.wait(30)
        try:
            return ask_signed(Client(), assertion).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(present, range(AT_ONCE)))


def test_one_assertion_at_fifty_doors_opens_one(world, capsys):
    rounds = [at_once(signed(world.ec, world.good())) for _round in range(ROUNDS)]

    assert [sorted(statuses) for statuses in rounds] == [[200] + [401] * (AT_ONCE - 1)] * ROUNDS
    assert AccessToken.objects.count() == ROUNDS
    with capsys.disabled():
        print(f"\nassertions: one jti used by {AT_ONCE} at once, {ROUNDS} times: 1 token each time")


def test_with_the_memory_of_assertions_taken_away_all_fifty_open(world, monkeypatch, capsys):
    monkeypatch.setattr(services, "use_up", lambda **_told: True)
    statuses = at_once(signed(world.ec, world.good()))

    assert statuses == [200] * AT_ONCE
    with capsys.disabled():
        print(f"\nassertions, control: without the memory of jti, {AT_ONCE} at once get {AccessToken.objects.count()}")


@pytest.fixture
def elsewhere(world):
    """The client's keys are now at an address of its own."""
    application = Application.objects.get(client_id=world.ours)
    Application.objects.filter(pk=application.pk).update(jwks=None, jwks_uri=URI)
    return application


@pytest.fixture
def sentinel(monkeypatch):
    """Something that listens on this machine, where every name now leads."""
    server = socket.create_server(("127.0.0.1", 0))
    address = server.getsockname()
    answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: answer)
    reached = []

    def listen():
        while True:
            try:
                reached.append(server.accept()[0].close())
            except OSError:
                return

    threading.Thread(target=listen, daemon=True).start()
    yield reached
    server.close()


def test_the_address_of_keys_never_leads_into_our_own_network(world, elsewhere, sentinel, settings, capsys):
    settings.JWKS_HOSTS = ["keys.bank.example"]

    assert outcome(Client(), posted(signed(world.ec, world.good()))) == (401, "invalid_client")
    assert sentinel == []
    with capsys.disabled():
        print("\nassertions: a jwks_uri whose name leads to 127.0.0.1: refused, sentinel reached 0 times")


def test_without_the_filter_of_addresses_the_sentinel_is_reached(world, elsewhere, sentinel, settings, monkeypatch):
    settings.JWKS_HOSTS = ["keys.bank.example"]
    open_config = Config(
        ip_filter_enable=False, ip_filter_allow_loopback_ips=True, never_redirect=True, default_timeout=(1.0, 1.0)
    )
    monkeypatch.setattr(fetching, "GUARD", Manager(open_config))

    assert outcome(Client(), posted(signed(world.ec, world.good()))) == (401, "invalid_client")
    assert len(sentinel) >= 1


class Canned(BaseAdapter):
    """Answers every request with the same, and counts them."""

    def __init__(self, status, body=b"", **headers):
        super().__init__()
        self.status, self.body, self.headers, self.asked = status, body, headers, []

    def send(self, request, **_options):
        self.asked.append(request.url)
        response = Response()
        response.status_code, response.url, response.request = self.status, request.url, request
        response.headers.update(self.headers)
        response._content_consumed, response._content = True, self.body
        return response

    def close(self):
        pass


def served_by(adapter, monkeypatch):
    session = fetching.GUARD.get_session()
    session.mount("https://", adapter)
    monkeypatch.setattr(fetching, "GUARD", type("Guard", (), {"get_session": lambda _self: session})())
    return adapter


@pytest.mark.parametrize(
    "adapter",
    [
        Canned(302, location="https://127.0.0.1/jwks.json"),
        Canned(200, b'{"keys": [' + b" " * 70_000 + b"]}"),
        Canned(200, b"<html>"),
        Canned(200, b"[" * 50_000),
        Canned(500),
    ],
    ids=["a redirect", "70 kB", "a page", "nested too deep", "an error"],
)
def test_what_an_address_of_keys_may_answer_is_bounded(world, elsewhere, adapter, settings, monkeypatch):
    settings.JWKS_HOSTS = ["keys.bank.example"]
    served = served_by(adapter, monkeypatch)
    outcomes = [outcome(Client(), posted(signed(world.ec, world.good()))) for _attempt in range(3)]

    assert outcomes == [(401, "invalid_client")] * 3
    assert served.asked == [URI]  # once in thirty seconds, and no further


def test_a_revoked_client_is_dead_at_the_next_request(world, capsys):
    delays = [_ms_until_refused(world.neighbour) for _round in range(REVOCATIONS)]

    assert max(delays) < 1000
    with capsys.disabled():
        print(f"\nassertions: a revoked client's next call is refused; {max(delays):.0f} ms at most, of {len(delays)}")


def _ms_until_refused(like: str) -> float:
    """How long after a revocation a request by key and one by token are both refused, asking all the time."""
    institution = Application.objects.get(client_id=like).institution
    client, key = create_client(institution=institution, name="brief", mode="test", now=timezone.now())
    services.register_application(client=client, now=timezone.now())
    token = ask(Client(), client_id=str(client.pk), client_secret=key).json()["access_token"]
    assert [_status(bearer) for bearer in (key, token)] == [200, 200]
    revoke_client(client=client, now=timezone.now())
    revoked_at = time.perf_counter()
    assert [_status(bearer) for bearer in (key, token)] == [401, 401]
    return 1000 * (time.perf_counter() - revoked_at)


def _status(bearer: str) -> int:
    return Client().get(ASSESSMENTS, headers={"Authorization": f"Bearer {bearer}"}).status_code


def test_with_validity_remembered_a_revoked_client_lives_on(world, monkeypatch):
    remembered = cache(lambda key: authenticate_key(key, now=timezone.now()))
    monkeypatch.setattr(authentication, "authenticate_key", lambda key, **_told: remembered(key))
    institution = Application.objects.get(client_id=world.ours).institution
    client, key = create_client(institution=institution, name="brief", mode="test", now=timezone.now())

    assert _status(key) == 200
    revoke_client(client=client, now=timezone.now())
    assert _status(key) == 200
