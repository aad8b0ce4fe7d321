"""Every refusal as ``application/problem+json`` (RFC 9457), whoever raised it."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.encoding import escape_uri_path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.common import context as observed
from apps.common.encryption import SealBroken
from apps.common.errors import Conflict, DomainError, InvalidInput, NotFound, Overloaded, Unavailable

MEDIA_TYPE = "application/problem+json"
STORE_RETRY_AFTER_S = 5.0  # PostgreSQL's own crash recovery took 0.5-2 s on the embedded server, 2026-11-23

STATUS_OF_KIND: tuple[tuple[type[DomainError], int], ...] = (
    (InvalidInput, 422),
    (NotFound, 404),
    (Conflict, 409),
    (Overloaded, 429),
    (Unavailable, 503),
)

TITLES = {
    400: gettext_lazy("The request is malformed"),
    401: gettext_lazy("Authentication is needed"),
    403: gettext_lazy("This is not allowed"),
    404: gettext_lazy("There is no such thing"),
    405: gettext_lazy("This method is not offered here"),
    406: gettext_lazy("No representation is acceptable"),
    409: gettext_lazy("The state does not allow this"),
    411: gettext_lazy("The length of the body is needed"),
    413: gettext_lazy("The body is too large"),
    415: gettext_lazy("The media type is not read here"),
    422: gettext_lazy("The request cannot be carried out"),
    429: gettext_lazy("There is too much to do now"),
    500: gettext_lazy("Something went wrong on our side"),
    503: gettext_lazy("A part of Assay does not answer"),
}

log = structlog.get_logger(__name__)


class RequestRefused(exceptions.APIException):
    """A request that is refused before any domain sees it.

    Attributes:
        pointer: JSON pointer into the body, or "" for the request as a whole.
    """

    status_code = 400
    default_code = "malformed"

    def __init__(self, detail: str, *, code: str | None = None, pointer: str = "") -> None:
        super().__init__(detail, code)
        self.pointer = pointer


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldError:
    """What is wrong with one place of the body, by JSON pointer (RFC 6901)."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One refusal.

    Attributes:
        code: stable name that programs may compare.
        retry_after_s: when trying again may help, or None.
        headers: further response headers, e.g. WWW-Authenticate.
    """

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = ()
    retry_after_s: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def document(self, *, instance: str) -> dict[str, Any]:
        """Members of the body, in the order people read them."""
        title = TITLES.get(self.status) or HTTPStatus(self.status).phrase
        return {
            "type": f"urn:assay:problem:{self.code}",
            "title": str(title),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "request_id": observed.request_id(),
            "errors": [asdict(error) for error in self.errors],
        }

    def response_headers(self) -> dict[str, str]:
        """Headers of the answer, Retry-After in whole seconds among them."""
        waiting = {} if self.retry_after_s is None else {"Retry-After": str(max(1, math.ceil(self.retry_after_s)))}
        return {**self.headers, **waiting}


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler. None lets the unexpected pass on to Django's handler500."""
    problem = problem_of(exc)
    if problem is None:
        return None
    set_rollback()
    if isinstance(exc, (OperationalError, InterfaceError)):
        log.error("store.unavailable", error=type(exc).__name__)
    request = context["request"]
    body = problem.document(instance=escape_uri_path(request.path))
    return Response(body, problem.status, headers=problem.response_headers(), content_type=MEDIA_TYPE)


def plain_response(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A problem where REST framework has no part: unknown routes, errors outside of any view."""
    body = json.dumps(problem.document(instance=escape_uri_path(request.path)), ensure_ascii=False)
    return HttpResponse(body, status=problem.status, headers=problem.response_headers(), content_type=MEDIA_TYPE)


def problem_of(exc: Exception) -> Problem | None:
    """What to tell the caller about an exception; None if it is nobody's business but ours."""
    if isinstance(exc, SealBroken):
        return None
    if isinstance(exc, DomainError):
        return _of_domain_error(exc)
    if isinstance(exc, Http404):
        exc = exceptions.NotFound()
    elif isinstance(exc, PermissionDenied):
        exc = exceptions.PermissionDenied()
    elif isinstance(exc, RequestDataTooBig):
        return Problem(status=413, code="too_large", detail=_("The body is too large."))
    elif isinstance(exc, SuspiciousOperation):
        return Problem(status=400, code="malformed", detail=_("The request is malformed."))
    elif isinstance(exc, (OperationalError, InterfaceError)):
        detail = _("The store does not answer now.")
        return Problem(status=503, code="unavailable", detail=detail, retry_after_s=STORE_RETRY_AFTER_S)
    return _of_api_exception(exc) if isinstance(exc, exceptions.APIException) else None


def _of_domain_error(exc: DomainError) -> Problem:
    status = next((status for kind, status in STATUS_OF_KIND if isinstance(exc, kind)), 422)
    errors = (FieldError(pointer=exc.pointer, code=exc.code, detail=exc.detail),) if exc.pointer else ()
    return Problem(status=status, code=exc.code, detail=exc.detail, errors=errors, retry_after_s=exc.retry_after_s)


def _of_api_exception(exc: exceptions.APIException) -> Problem:
    headers = {}
    if challenge := getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if isinstance(exc, exceptions.ValidationError):
        detail, code = _("The body does not fit the schema."), "invalid"
        errors = tuple(flattened(exc.detail))
    else:
        detail, code = str(exc.detail), str(exc.get_codes())
        pointer = getattr(exc, "pointer", "")
        errors = (FieldError(pointer=pointer, code=code, detail=detail),) if pointer else ()
    return Problem(
        status=exc.status_code,
        code=code,
        detail=detail,
        errors=errors,
        retry_after_s=getattr(exc, "wait", None),
        headers=headers,
    )


def flattened(detail: Any, pointer: str = "") -> Iterator[FieldError]:
    """Nested serializer errors as a flat list.

    Lists of rows come as a list of dicts or, since REST framework 3.18, as a dict by index;
    both give ``/rows/3/amount``. An error of a row or a body as a whole points at it.
    """
    if isinstance(detail, Mapping):
        for key, below in detail.items():
            yield from flattened(below, pointer if key == "non_field_errors" else child(pointer, key))
    elif isinstance(detail, (list, tuple)):
        for index, below in enumerate(detail):
            nested = isinstance(below, (Mapping, list, tuple))
            yield from flattened(below, child(pointer, index) if nested else pointer)
    else:
        yield FieldError(pointer=pointer, code=str(getattr(detail, "code", "invalid")), detail=str(detail))


def child(pointer: str, key: str | int) -> str:
    """Pointer to a member, escaped by RFC 6901.

    >>> child("/device", "a/b~c")
    '/device/a~1b~0c'
    """
    return f"{pointer}/{str(key).replace('~', '~0').replace('/', '~1')}"
