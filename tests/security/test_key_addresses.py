"""Addresses of key sets: where they may lead, what they may answer, and what happens without the filter."""

import socket
import threading
from typing import Any

import pytest
from django.test import Client
from requests import Response
from requests.adapters import BaseAdapter
from requests_hardened import Config, Manager

from apps.oauth import fetching
from apps.oauth.models import Application
from tests.oauth.signing import signed
from tests.security.clients import a_world, outcome
from tests.security.forging import posted

pytestmark = [pytest.mark.security, pytest.mark.django_db(transaction=True)]

URI = "https://keys.bank.example/jwks.json"


@pytest.fixture
def world():
    return a_world()


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
    reached: list[Any] = []

    def listen():
        while True:
            try:
                reached.append(server.accept())
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

    def send(self, request, *_args, **_options):
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
