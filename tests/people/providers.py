"""OpenID Connect providers: a real one in a process of its own, and one that says whatever a test makes it say."""

import base64
import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import requests
from django.http import HttpResponse
from django.test import Client, override_settings
from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT_ID = "assay"
KEY = RSAKey.generate_key(2048, parameters={"kid": "k1"})
Claims = dict[str, Any]


def trusting(issuer: str, **more: Any) -> override_settings:
    """Settings of an installation that believes this issuer."""
    known = {"server_url": issuer, "oauth_pkce_enabled": True}
    app = {"provider_id": "sso", "name": "SSO", "client_id": CLIENT_ID, "secret": "s3cret", "settings": known}
    return override_settings(SOCIALACCOUNT_PROVIDERS={"sso": {"APPS": [app]}}, **more)


@contextmanager
def real_provider(*users: Claims) -> Iterator[str]:
    """`oidc-provider-mock` in a process of its own, which knows these users. Yields its issuer."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    known = [argument for user in users for argument in ("--user-claims", json.dumps(user))]
    command = [sys.executable, "-m", "oidc_provider_mock", "--port", str(port), "--require-nonce", "true", *known]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ))
    issuer = f"http://127.0.0.1:{port}"
    try:
        _wait_for(issuer)
        yield issuer
    finally:
        process.terminate()
        process.wait()


def _wait_for(issuer: str) -> None:
    for _attempt in range(200):
        try:
            requests.get(f"{issuer}/.well-known/openid-configuration", timeout=1).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(issuer)


def asked(client: Client) -> str:
    """Press the button of the sign-in page. Returns where the browser is sent."""
    return str(client.post("/account/provider/")["Location"])


def agreed(question: str, subject: str) -> str:
    """Agree at the provider as somebody. Returns the path by which the browser comes back."""
    answer = requests.post(question, data={"sub": subject}, allow_redirects=False, timeout=10)
    return answer.headers["Location"].removeprefix("http://testserver")


def signed_on(client: Client, subject: str) -> HttpResponse:
    """The whole way to the provider and back."""
    return client.get(agreed(asked(client), subject))  # type: ignore[return-value]


class Liar:
    """A provider whose every answer is `claims`, changed by the test and signed with `key`."""

    def __init__(self) -> None:
        self.published = self.key = KEY
        self.header: dict[str, str] = {"alg": "RS256", "kid": "k1"}
        self.lie: Callable[[Claims], Claims] = lambda claims: claims
        self.described: dict[str, Any] = {}
        self.asked: dict[str, str] = {}
        self.exchanged: dict[str, str] = {}
        self.issuer = ""

    def answers(self) -> dict[str, Any]:
        """What each address says."""
        here = self.issuer
        described = {"issuer": here, "authorization_endpoint": f"{here}/authorize", "token_endpoint": f"{here}/token"}
        return {
            "/.well-known/openid-configuration": {**described, "jwks_uri": f"{here}/keys"} | self.described,
            "/keys": {"keys": [self.published.as_dict(private=False)]},
            "/token": {"access_token": "a", "token_type": "Bearer", "id_token": self.token()},
        }

    def token(self) -> str:
        """The identity token, as honest as `lie` lets it be."""
        now = int(time.time())
        honest = {"iss": self.issuer, "aud": CLIENT_ID, "sub": "7", "iat": now, "exp": now + 60}
        person = {"email": "ana@example.org", "email_verified": True, "nonce": self.asked.get("nonce", "")}
        return jwt.encode(self.header, self.lie(honest | person), self.key, algorithms=["RS256", "HS256", "none"])

    def come_back(self, client: Client, **changes: str) -> HttpResponse:
        """Press the button and come back with a code, as if somebody had agreed."""
        self.asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(asked(client)).query))
        return client.get("/account/provider/back/", {"code": "c", "state": self.asked["state"]} | changes)  # type: ignore[return-value]


@contextmanager
def lying_provider() -> Iterator[Liar]:
    """A `Liar` that listens, as an issuer of its own."""
    liar = Liar()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            liar.exchanged = dict(urllib.parse.parse_qsl(body))
            self._answer()

        def _answer(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(liar.answers()[self.path]).encode())

        def log_message(self, *_arguments: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        liar.issuer = f"http://127.0.0.1:{server.server_port}"
        Thread(target=server.serve_forever, args=[0.02], daemon=True).start()
        yield liar
        server.shutdown()


def challenge_of(verifier: str) -> str:
    """What PKCE shows the provider first, for a verifier that it sees later."""
    return base64.urlsafe_b64encode(sha256(verifier.encode()).digest()).decode().rstrip("=")
