"""Around every request: its name in the logs, how long it took, and headers no answer goes without."""

import re
import time
import uuid
from collections.abc import Callable
from http import HTTPStatus

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse

from apps.common import context, metrics
from apps.common.addresses import address_of

UUID_TEXT = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
REQUEST_ID = re.compile(rf"{UUID_TEXT}|(?!.*[0-9]{{9}})[A-Za-z0-9._:+/=-]{{1,128}}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

# No inline script and no inline style anywhere, but for the styles of one page that we do not write.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
DOCS_POLICY = f"{PAGE_POLICY}; style-src 'self' 'unsafe-inline'"
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
PERMISSIONS_POLICY = "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"
FIXED_HEADERS = {  # of every answer, whatever answers
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

Answer = Callable[[HttpRequest], HttpResponse]

log = structlog.get_logger(__name__)


class ObservationMiddleware:
    """Names each request, times it by route, and writes one log line about it.

    ``X-Request-ID`` is taken from the caller where it is a UUID, or short and plain and without nine digits
    in a row, as numbers of cards, records and telephones have; made up otherwise, and sent back. Log lines
    and metrics carry the route's template, never the path: paths hold identifiers.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, observed."""
        offered = request.headers.get("X-Request-ID", "")
        request_id = offered if REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())
        context.clear()
        context.bind(request_id=request_id)
        context.bind_address(address_of(request))
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
    """Gives every answer the headers that browsers hold it to, probes and refusals included."""

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; a header that a view set itself stays."""
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", _policy_of(request, response))
        for name, value in FIXED_HEADERS.items():
            response.headers.setdefault(name, value)
        if settings.SECURE_HSTS_SECONDS and request.is_secure():
            response.headers.setdefault(
                "Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}; includeSubDomains"
            )
        if response.status_code != HTTPStatus.OK or not request.path_info.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        session = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if session is not None and not session.value:  # somebody signs out
            response.headers.setdefault("Clear-Site-Data", '"cache", "storage"')
        return response


def _policy_of(request: HttpRequest, response: HttpResponse) -> str:
    if not response.get("Content-Type", "").startswith("text/html"):
        return DATA_POLICY
    match = request.resolver_match
    return DOCS_POLICY if match and match.url_name == "docs" else PAGE_POLICY
