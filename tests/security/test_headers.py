"""S14: no answer of any kind goes without the headers that browsers hold it to, and no page runs inline scripts."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from apps.api.limits.door import Reason
from apps.api.limits.gate import Gate
from settings.env import ROOT
from tests.common.test_production import ENVIRONMENT

pytestmark = pytest.mark.django_db

FIXED = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
STRICT = "default-src 'none'; frame-ancestors 'none'"
PAGE = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
DOCS = f"{PAGE}; style-src 'self' 'unsafe-inline'"
POLICIES = {STRICT, PAGE, DOCS}
FORBIDDEN = ("Access-Control-Allow-Origin", "Server", "X-Powered-By")
VALUES = {"uuid": "7b1c2f7e-6f0e-4a52-9a55-0d6d0a4b2a11", "int": "1", "slug": "a", "str": "a", "path": "a"}
PRODUCTION = """
import json, django
django.setup()
from django.conf import settings
from django.http import HttpResponse
from django.test import Client, RequestFactory
names = [name for name in dir(settings) if "COOKIE" in name or "HSTS" in name or name == "SECURE_SSL_REDIRECT"]
web = Client(SERVER_NAME="localhost")
told = {path: dict(web.get(path, secure=True).headers) for path in ["/livez", "/api/v1/nowhere"]}
plain = web.get("/livez2?a=b")
print(json.dumps({"settings": {name: getattr(settings, name) for name in names}, "headers": told,
                  "plain": [plain.status_code, plain.headers.get("Location", "")]}))
"""


class Inline(HTMLParser):
    """Collects what a content policy without 'unsafe-inline' would stop."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Inline scripts, handlers, and addresses that are scripts."""
        names = dict(attrs)
        is_data = names.get("type") == "application/json"
        self.found += [tag] if tag == "script" and "src" not in names and not is_data else []
        self.found += [name for name in names if name.startswith("on")]
        self.found += [str(value) for value in names.values() if str(value).strip().lower().startswith("javascript:")]


def routes(patterns: list[Any], above: str = "/") -> Iterator[str]:
    """An address of every route, its parameters filled in."""
    for pattern in patterns:
        route = str(pattern.pattern).lstrip("^").rstrip("$")
        here = above + re.sub(r"<(?:(\w+):)?\w+>", lambda match: VALUES[match.group(1) or "str"], route)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, here)
        elif isinstance(pattern, URLPattern):
            yield re.sub(r"\(\?P<\w+>[^)]*\)|\\", "a", here)


def inline_in(page: str) -> list[str]:
    """What of a page a content policy would stop."""
    seen = Inline()
    seen.feed(page)
    return seen.found


EVERYWHERE = sorted(set(routes(get_resolver().url_patterns)))
MORE = ["/livez", "/readyz", "/metrics", "/nowhere", "/api/v1/nowhere", "/static/nowhere.css", "/%00", "//x"]


def missing(path: str, method: str) -> list[str]:
    """Which headers an answer lacks, or has that it must not have."""
    answer = getattr(Client(raise_request_exception=False), method)(path)
    wrong = [name for name, value in FIXED.items() if answer.headers.get(name) != value]
    wrong += [name for name in FORBIDDEN if name in answer.headers]
    policy = answer.headers.get("Content-Security-Policy", "")
    kept = {"policy": policy in POLICIES, "no-store": "no-store" in answer.headers.get("Cache-Control", "")}
    return [f"{method} {path}: {name}" for name in [*wrong, *(name for name, held in kept.items() if not held)]]


@pytest.mark.parametrize("method", ["get", "post", "options"])
def test_no_answer_goes_without_its_headers(method, capsys):
    found = [each for path in [*EVERYWHERE, *MORE] for each in missing(path, method)]

    with capsys.disabled():
        print(f"\nS14: {len(EVERYWHERE) + len(MORE)} addresses by {method}, {len(found)} headers missing")
    assert found == []
    assert len(EVERYWHERE) >= 40


def test_no_page_asks_for_an_inline_script(admin_client):
    pages = {path: admin_client.get(path) for path in [*EVERYWHERE, "/nowhere"]}
    shown = {path: page for path, page in pages.items() if page.headers.get("Content-Type", "").startswith("text/html")}
    inline = {path: found for path, page in shown.items() if (found := inline_in(page.content.decode()))}

    assert inline == {}
    assert len(shown) >= 20


def test_data_loads_nothing_and_pages_load_our_own_files(client):
    assert client.get("/api/v1/nowhere")["Content-Security-Policy"] == STRICT
    assert client.get("/account/sign-in/")["Content-Security-Policy"] == PAGE
    assert client.get("/api/docs")["Content-Security-Policy"] == DOCS


@pytest.mark.urls("tests.common.urls")
def test_a_failure_has_them_too_and_says_nothing():
    answer = Client(raise_request_exception=False).post("/api/fail/canary-1", {"a": 1}, content_type="application/json")

    assert (answer.status_code, {name: answer.headers[name] for name in FIXED}) == (500, FIXED)
    assert "canary-1" not in answer.content.decode().replace(answer.json()["instance"], "")
    assert "Traceback" not in answer.content.decode()


@pytest.mark.parametrize("reason", [Reason.FULL, Reason.SHARE])
def test_a_refusal_before_django_has_them_too(reason):
    told: list[Any] = []
    gate = Gate(lambda *_: [b""], bound=1)

    gate._refuse(reason, {"PATH_INFO": "/"}, lambda *line: told.append(line))

    assert dict(told[0][1]).items() >= (FIXED | {"Content-Security-Policy": STRICT}).items()


def test_signing_out_clears_the_browser(admin_client):
    answer = admin_client.post("/account/sign-out/")

    assert answer["Clear-Site-Data"] == '"cache", "storage"'


def test_a_form_from_elsewhere_is_refused():
    answer = Client(enforce_csrf_checks=True).post("/account/sign-in/", {"login": "a", "password": "b"})

    assert answer.status_code == 403


def test_trace_is_not_answered(client):
    assert client.trace("/api/v1/risk/assessments").status_code in {401, 405}
    assert b"canary" not in client.trace("/api/v1/nowhere", headers={"X-Test": "canary"}).content


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    """Settings and answers of an installation under settings.production."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "ASSAY_STATE_DIR"}}
    command = [sys.executable, "-c", PRODUCTION]
    done = subprocess.run(command, cwd=ROOT, env=kept | ENVIRONMENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_cookies_of_production_are_held_to_this_host_and_to_tls(production):
    told = production["settings"]

    for kind in ("SESSION", "CSRF"):
        assert told[f"{kind}_COOKIE_NAME"].startswith("__Host-")
        assert (told[f"{kind}_COOKIE_SECURE"], told[f"{kind}_COOKIE_SAMESITE"]) == (True, "Lax")
        assert (told[f"{kind}_COOKIE_PATH"], told[f"{kind}_COOKIE_DOMAIN"]) == ("/", None)
    assert told["SESSION_COOKIE_HTTPONLY"] is True


def test_production_insists_on_tls_for_a_year(production):
    for headers in production["headers"].values():
        assert headers["Strict-Transport-Security"].startswith("max-age=31536000; includeSubDomains")
    assert production["plain"] == [301, "https://localhost/livez2?a=b"]


def test_control_django_alone_leaves_out_most_of_them(settings):
    mine = "apps.common.middleware.SecurityHeadersMiddleware"
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if each != mine]

    answer = Client().get("/livez")

    assert set(FIXED) & set(answer.headers) == set()
