"""Attacks on the door, as functions of their size, and the defences that a test may knock out."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from unittest import mock

from allauth.mfa.totp.internal import auth
from django.contrib.sessions.backends.db import SessionStore
from django.db import connections
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import URLPattern, URLResolver, get_resolver

from apps.people import sessions
from apps.people.middleware import PeopleMiddleware
from apps.people.site import AdministrationSite
from apps.tenants.models import User
from tests.people.door import PASSWORD, code, sign_in

SCRIPT = re.compile(rb"<script(?![^>]*\bsrc=)(?![^>]*application/json)|<[^>]+\son\w+\s*=|javascript:", re.IGNORECASE)


def addresses(prefix: str) -> list[str]:
    """Every address below a prefix, from the resolver; what a converter takes becomes 1."""
    found = sorted(set(_walk(get_resolver().url_patterns, "/")))
    return [each for each in found if each.startswith(prefix)]


def _walk(patterns: list[URLPattern | URLResolver], so_far: str) -> Iterator[str]:
    for pattern in patterns:
        here = so_far + _example(str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, here)
        else:
            yield here


def _example(route: str) -> str:
    plain = re.sub(r"\(\?P<\w+>\(?([\w-]+)[^/]*?\)\$?|<[^>]*>|\([^)]*\)", lambda found: found.group(1) or "1", route)
    return plain.strip("^$").replace("\\", "").replace(".*", "1")


@dataclass
class Crawl:
    """What a browser was told, address by address."""

    answers: dict[tuple[str, str], HttpResponse] = field(default_factory=dict)

    def statuses(self) -> Counter[int]:
        """How often each status."""
        return Counter(answer.status_code for answer in self.answers.values())

    def elsewhere(self, *allowed: str) -> list[tuple[str, str]]:
        """Where it was sent to none of these places and refused nothing."""
        sent = {key: answer.headers.get("Location", "") for key, answer in self.answers.items()}
        refused = {key for key, answer in self.answers.items() if answer.status_code == 403}
        return [key for key, place in sent.items() if key not in refused and not place.startswith(allowed)]

    def bare(self) -> list[tuple[str, str]]:
        """Where the policy is missing, or lets scripts in that stand in the page."""
        return [key for key, answer in self.answers.items() if not _is_strict(answer)]


def _is_strict(answer: HttpResponse) -> bool:
    policy = answer.headers.get("Content-Security-Policy", "")
    rules = dict(rule.strip().partition(" ")[::2] for rule in policy.split(";"))
    scripts = rules.get("script-src", rules.get("default-src", "'unsafe-inline'"))
    return "unsafe" not in scripts and "*" not in scripts and not SCRIPT.search(answer.content)


def crawl(client: Client, prefix: str, methods: tuple[str, ...] = ("get", "post")) -> Crawl:
    """Ask for every address with every method. An exception of a view counts as its answer, 500."""
    client.raise_request_exception = False
    done = Crawl()
    for address in addresses(prefix):
        for method in methods:
            done.answers[method, address] = getattr(client, method)(address)
    return done


@contextmanager
def counted_looks() -> Iterator[list[str]]:
    """The passwords that were looked at, whatever came of it."""
    looked: list[str] = []
    real = User.check_password

    def look(user: User, password: str) -> bool:
        looked.append(password)
        return real(user, password)

    with mock.patch.object(User, "check_password", look):
        yield looked


def guess(times: int, *, addresses_used: int = 1, right_at: int) -> bool:
    """Try passwords on one name, the right one at its place. Returns whether it opened a session."""
    client = Client()
    for number in range(times):
        client.defaults["REMOTE_ADDR"] = f"10.{number % addresses_used // 250}.0.{number % addresses_used % 250 + 1}"
        sign_in(client, "ana", PASSWORD if number == right_at else f"guess {number}")
        if sessions.BEGAN in client.session:
            return True
    return False


def replay(user: User, secret: str, *, browsers: int) -> int:
    """Show one code in many browsers at the same time. Returns how many it let in."""
    waiting = [Client() for _ in range(browsers)]
    for client in waiting:
        sign_in(client, user.username)
    shown = code(secret)

    def show(client: Client) -> bool:
        try:
            return client.post("/account/sign-in/code/", {"code": shown}).status_code == 302
        finally:
            connections.close_all()

    with ThreadPoolExecutor(browsers) as pool:
        return sum(pool.map(show, waiting))


@contextmanager
def fresh_period() -> Iterator[None]:
    """Start when a code has its whole half minute before it."""
    time.sleep(30.1 - time.time() % 30)
    yield


NO_SECOND_FACTOR = (
    mock.patch("apps.people.middleware._owed", return_value=None),
    mock.patch.object(AdministrationSite, "has_permission", lambda _site, request: request.user.is_staff),
)
NO_MIDDLEWARE = (mock.patch.object(PeopleMiddleware, "process_view", return_value=None),)
NO_LIMIT = (override_settings(ACCOUNT_RATE_LIMITS=False),)
NO_MEMORY = (mock.patch.object(auth.TOTP, "_mark_code_used", return_value=True),)
NO_ROTATION = (mock.patch.object(SessionStore, "cycle_key", return_value=None),)
NO_FLUSH = (mock.patch.object(SessionStore, "flush", return_value=None),)
NO_LOCK = (mock.patch("apps.people.sessions.ended", return_value=None),)
