"""Is this process alive, and can it serve? Answered before hosts, TLS and sessions are looked at."""

import json
from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse

from apps.common import metrics

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
    """200 while PostgreSQL answers. Redis may be away: work survives it, only later, hence ``degraded``."""
    postgresql, redis_ = _postgresql_answers(), _redis_answers()
    status = "unavailable" if not postgresql else "ready" if redis_ else "degraded"
    checks = {"postgresql": _word(answers=postgresql), "redis": _word(answers=redis_)}
    return _json({"status": status, "checks": checks}, 200 if postgresql else 503)


def _postgresql_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


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
