"""The view every REST endpoint of Assay derives from."""

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.auditing import Audited
from apps.api.authentication import BearerAuthentication
from apps.api.limits.requests import Limited
from apps.api.pagination import CursorPagination
from apps.api.parsers import MAX_BYTES, HardenedJSONParser, MalformedBody, check_declared_length
from apps.api.problems import RequestRefused
from apps.api.scopes import HasScopes, Scopes
from apps.common import scope
from apps.tenants.models import ApiClient, Institution


class LengthRequired(RequestRefused):
    """The body comes in chunks: under WSGI its end, and with it its size, is unknown."""

    status_code = 411
    default_code = "length_required"


class ApiView(Audited, Limited):
    """Bearer key in, hardened JSON in, JSON or problem+json out; a `DomainError` becomes its status.

    Attributes:
        required_scopes: what a caller must have been granted, by HTTP method; what is not named is refused.
        max_body_bytes: a longer body is refused with 413.
        problems: further statuses that its operations may refuse with, for the OpenAPI page.
        body_required: whether a POST, PUT or PATCH without a body is refused with 400.
    """

    authentication_classes: Any = (BearerAuthentication,)
    permission_classes: "tuple[type[BasePermission], ...]" = (IsAuthenticated, HasScopes)
    parser_classes: "tuple[type[BaseParser], ...]" = (HardenedJSONParser,)
    renderer_classes: "tuple[type[BaseRenderer], ...]" = (JSONRenderer,)

    pagination_class = CursorPagination

    required_scopes: Scopes = {}
    max_body_bytes: int = MAX_BYTES
    body_required: bool = True
    problems: tuple[int, ...] = ()

    @property
    def client(self) -> ApiClient:
        """Who calls."""
        client = self.request.auth
        assert isinstance(client, ApiClient)
        return client

    @property
    def institution(self) -> Institution:
        """Whose records the caller may see: nobody else's."""
        return self.client.institution

    def perform_authentication(self, request: Request) -> None:
        """Find out who calls; from here on PostgreSQL shows rows of their institution and no others."""
        super().perform_authentication(request)
        if request.auth is not None:
            scope.enter(scope.of(self.client.institution_id))

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate; then refuse a body that nobody would read, rather than ignore it, or that is too long."""
        super().initial(request, *args, **kwargs)
        method = str(request.method)
        if method not in {"POST", "PUT", "PATCH"} or not hasattr(self, method.lower()):
            return
        if str(request.META.get("CONTENT_LENGTH") or "0") == "0":
            if request.META.get("HTTP_TRANSFER_ENCODING"):
                raise LengthRequired(_("Send the body with a Content-Length, not in chunks."))
            if self.body_required:
                raise MalformedBody(_("The body is empty."), code="empty_body")
        elif not request.content_type:
            raise UnsupportedMediaType("", detail=_("Say the Content-Type of the body."))
        check_declared_length(request, max_bytes=self.max_body_bytes)

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Add what was timed with `timed` as ``Server-Timing``."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        timings: dict[str, float] = getattr(self, "_timings", {})
        if timings:
            answer["Server-Timing"] = ", ".join(f"{name};dur={ms:.1f}" for name, ms in timings.items())
        return answer

    def timed(self, name: str, ms: float) -> None:
        """Show the caller where the time went: ``Server-Timing: queue;dur=3.1``. Names are tokens."""
        self._timings = {**getattr(self, "_timings", {}), name: ms}
