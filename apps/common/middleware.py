"""Around every request: its name in the logs, how long it took, and headers no answer goes without."""

import re
import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

from apps.common import context, metrics

REQUEST_ID = re.compile(r"[A-Za-z0-9._:+/=-]{1,128}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# No inline script anywhere; Swagger UI and the admin style elements inline and embed small images.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS_POLICY = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"

Answer = Callable[[HttpRequest], HttpResponse]

log = structlog.get_logger(__name__)


class ObservationMiddleware:
    """Names each request, times it by route, and writes one log line about it.

    ``X-Request-ID`` is taken from the caller where it is short and plain, made up otherwise, and
    sent back. Log lines and metrics carry the route's template, never the path: paths hold
    identifiers.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, observed."""
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())
        context.clear()
        context.bind(request_id=request_id)
        context.bind_address(request.META.get("REMOTE_ADDR") or "")
        begun = time.perf_counter()
        response = self.get_response(request)
        seconds = time.perf_counter() - begun
        response["X-Request-ID"] = request_id
        match = request.resolver_match
        route = match.route if match else "unmatched"
        method = request.method if request.method in METHODS else "OTHER"
        metrics.REQUEST_SECONDS.labels(method=method, route=route, status=response.status_code).observe(seconds)
        log.info(
            "request.answered", method=method, route=route, status=response.status_code, ms=round(1000 * seconds, 1)
        )
        context.clear()
        return response


class SecurityHeadersMiddleware:
    """Adds what Django's own middleware does not: CSP, Permissions-Policy, and no-store for the API."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; a header that a view set itself stays."""
        response = self.get_response(request)
        is_page = response.get("Content-Type", "").startswith("text/html")
        response.headers.setdefault("Content-Security-Policy", PAGE_POLICY if is_page else DATA_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        if request.path_info.startswith("/api/"):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
