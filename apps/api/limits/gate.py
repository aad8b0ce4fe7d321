"""The gate before Django: what cannot be answered in time is refused in microseconds.

A request that enters costs milliseconds of this process's one interpreter, whatever becomes of it. So the gate
bounds how many are inside, gives each institution its share of the room, and holds back what the views behind it
mostly refuse. Of the caller it looks at one header's digest.
"""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import quote

from django.utils import translation
from django.utils.translation import gettext as _

from apps.api.limits import metrics
from apps.api.limits.door import Door, Reason, Throttle
from apps.api.limits.parties import Parties, digest_of, remember
from apps.api.limits.turns import PatientBody, Turns
from apps.api.problems import Problem
from apps.common.health import PROBES
from apps.common.middleware import DATA_POLICY, FIXED_HEADERS, REQUEST_ID

INSTITUTION, ROUTE, OVERLOADED = "assay.institution", "assay.route", "assay.overloaded"
BODY = "wsgi.input"
RETRY_S = 1
MOST_WAITING = 4  # for a turn, beside more of a sort that is being refused: a burst of what is not may be longer

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Gate:
    """A WSGI application before another one. Probes always pass.

    Views tell it, in the request's environment, whose request it was (`INSTITUTION`), under which route
    (`ROUTE`), and that it came to too much (`OVERLOADED`).
    """

    def __init__(self, application: Application, *, bound: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Guard ``application``.

        Args:
            bound: requests inside at the same time.
        """
        self.door = Door(bound)
        self.turns = Turns()
        self.throttle = Throttle(clock=clock)
        self._application = application
        self._parties = Parties()
        self._routes: dict[str, str] = {}  # by path

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on, or refuse it."""
        path, method = environ.get("PATH_INFO", ""), environ.get("REQUEST_METHOD", "")
        if path in PROBES:
            return self._application(environ, start_response)
        credential = digest_of(environ.get("HTTP_AUTHORIZATION", ""))
        asked = (credential, method, path)
        is_crowded = self.turns.waiting >= MOST_WAITING and self.throttle.knows(asked)
        if is_crowded or not self.throttle.passes(asked):
            return self._refuse(Reason.THROTTLED, environ, start_response)
        party = self._parties.of(credential)
        reason = self.door.enter(party)
        if reason is not None:
            return self._refuse(reason, environ, start_response)
        metrics.IN_FLIGHT.set(self.door.total)
        try:
            with self.turns.taken():
                if BODY in environ:
                    environ[BODY] = PatientBody(environ[BODY], self.turns)
                return self._application(environ, start_response)
        finally:
            self.door.leave(party)
            metrics.IN_FLIGHT.set(self.door.total)
            self._learn(environ, credential, path, asked)

    def _learn(self, environ: dict[str, Any], credential: str, path: str, asked: tuple[str, ...]) -> None:
        if INSTITUTION in environ:
            self._parties.learn(credential, environ[INSTITUTION])
        if ROUTE in environ:
            remember(self._routes, path, environ[ROUTE])
        if OVERLOADED in environ:
            self.throttle.refused(asked)

    def _refuse(self, reason: Reason, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        metrics.REFUSED.labels(reason=reason, route=self._routes.get(path, "unknown")).inc()
        offered = environ.get("HTTP_X_REQUEST_ID", "")
        request_id = offered if REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())
        status, document = _documents(environ.get("HTTP_ACCEPT_LANGUAGE", ""))[reason]
        told = document | {"instance": quote(path, encoding="latin-1"), "request_id": request_id}
        body = json.dumps(told, ensure_ascii=False).encode()
        headers = [("Content-Length", str(len(body))), ("X-Request-ID", request_id), *HEADERS]
        start_response(status, headers)
        return [body]


HEADERS = [
    ("Content-Type", "application/problem+json"),
    ("Retry-After", str(RETRY_S)),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", DATA_POLICY),
    *FIXED_HEADERS.items(),
]


_spoken: dict[str, dict[Reason, tuple[str, dict[str, Any]]]] = {}
_speaking = threading.Lock()


def _documents(accept_language: str) -> dict[Reason, tuple[str, dict[str, Any]]]:
    """Status line and problem of every reason, in the caller's language, made once."""
    language = "zh-hans" if accept_language.lower().startswith("zh") else "en"
    if language not in _spoken:
        with _speaking, translation.override(language):
            _spoken[language] = {
                Reason.FULL: _problem(503, "overloaded", _("Too many requests are being answered. Try again soon.")),
                Reason.SHARE: _problem(429, "overloaded", _("Too many of your requests are being answered already.")),
                Reason.THROTTLED: _problem(
                    429, "overloaded", _("Requests like this one are being refused now. Try again later.")
                ),
            }
    return _spoken[language]


def _problem(status: int, code: str, detail: str) -> tuple[str, dict[str, Any]]:
    line = {429: "429 Too Many Requests", 503: "503 Service Unavailable"}[status]
    return line, Problem(status=status, code=code, detail=detail).document(instance="")
