"""Clients that are none: forged, bent and replayed assertions, and what happens when a check is taken away."""

import hmac
import threading
import time
from base64 import urlsafe_b64decode
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone
from structlog.testing import capture_logs

from apps.api import authentication
from apps.oauth import assertions, services
from apps.oauth.models import AccessToken, Application
from apps.tenants.keys import authenticate_key
from apps.tenants.services import create_client, revoke_client
from tests.oauth.signing import ask, ask_signed, segment, signed
from tests.security.clients import a_world, outcome
from tests.security.forgeries import BENT, FORGERIES
from tests.security.forging import P384_ORDER, mac, posted

pytestmark = [pytest.mark.security, pytest.mark.django_db(transaction=True)]

AT_ONCE, ROUNDS, REVOCATIONS = 50, 20, 20
ASSESSMENTS = "/api/v1/risk/assessments"


@pytest.fixture
def world():
    return a_world()


def reasons(http, ways):
    """Why each was refused, as the logs have it, and what the caller was told."""
    with capture_logs() as logged:
        told = {outcome(http, form) for form in ways}
    return told, [line["reason"] for line in logged if line["event"] == "oauth.client_refused"]


def test_every_forgery_is_refused_for_its_reason_and_leaves_no_token(world, capsys):
    http = Client()
    for reason, ways in FORGERIES.items():
        forged = [make(world) for make in ways.values()]
        assert reasons(http, forged) == ({(401, "invalid_client")}, [reason] * len(ways))

    assert AccessToken.objects.count() == 0
    assert ask_signed(http, signed(world.ec, world.good())).status_code == 200
    with capsys.disabled():
        print(f"\nassertions: {sum(map(len, FORGERIES.values()))} ways to forge one: all refused, 0 tokens")


def test_every_bent_request_is_refused_and_leaves_no_token(world, capsys):
    bent = {name: outcome(Client(), make(world)) for name, (make, _error) in BENT.items()}

    assert bent == {name: (400, error) for name, (_make, error) in BENT.items()}
    assert AccessToken.objects.count() == 0
    with capsys.disabled():
        print(f"\nassertions: {len(bent)} ways to bend a request around a good one: all refused, 0 tokens")


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
    forged = FORGERIES["algorithm"]["HS256, the public key as PEM is the secret"](world)

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
