"""Is this process alive, and can it serve? Answered before hosts, TLS and sessions are looked at."""

import json
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse

from apps.common import metrics
from apps.common.postgresql import guard

REDIS_TIMEOUT_S = 0.3


class ProbeMiddleware:
    """Answers ``/livez``, ``/readyz`` and ``/metrics`` ahead of everything else.

    Orchestrators ask by address of the machine, in plain HTTP: neither ALLOWED_HOSTS nor the
    redirect to TLS may stand in their way.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a probe, or pass the request on."""
        probe = PROBES.get(request.path_info)
        return self.get_response(request) if probe is None else probe(request)


def live(_request: HttpRequest) -> HttpResponse:
    """The process answers; says nothing about what it depends on, so that it is not restarted for others' faults."""
    return _json({"status": "live"}, 200)


def ready(_request: HttpRequest) -> HttpResponse:
    """200 while PostgreSQL answers and, where they are required, its walls bind this process.

    Redis may be away: work survives it, only later, hence ``degraded``.
    """
    postgresql, redis_ = _postgresql(), _redis_answers()
    serves = _serves(postgresql)
    status = "unavailable" if not serves else "ready" if redis_ else "degraded"
    checks = {**postgresql, "redis": _word(answers=redis_)}
    return _json({"status": status, "checks": checks}, 200 if serves else 503)


def can_serve() -> bool:
    """What `ready` answers by: PostgreSQL answers and, where they are required, its walls bind this process."""
    return _serves(_postgresql())


def _serves(postgresql: dict[str, str]) -> bool:
    return postgresql["postgresql"] == "ok" and (postgresql["walls"] == "ok" or not settings.WALLS_REQUIRED)


def _postgresql() -> dict[str, str]:
    """Whether it answers, and whether this process's role is one that row-level security binds."""
    try:
        return {"postgresql": "ok", "walls": "off" if guard.unbound() else "ok"}
    except DatabaseError:
        return {"postgresql": "unavailable", "walls": "unknown"}


def _redis_answers() -> bool:
    url, timeout_s = settings.REDIS_URL, REDIS_TIMEOUT_S
    client = redis.Redis.from_url(url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s)
    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
    finally:
        client.close()


def _word(*, answers: bool) -> str:
    return "ok" if answers else "unavailable"


def _json(document: dict[str, object], status: int) -> HttpResponse:
    return HttpResponse(json.dumps(document), status=status, content_type="application/json")


PROBES: dict[str, Callable[[HttpRequest], HttpResponse]] = {
    "/livez": live,
    "/readyz": ready,
    "/metrics": metrics.exposition,
}
