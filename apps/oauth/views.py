"""The token endpoint and its neighbours."""

import json
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.multipartparser import MultiPartParserError
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_post_parameters
from django.views.generic import View
from oauth2_provider.views.mixins import OAuthLibMixin

from apps.oauth.addresses import token_url
from apps.oauth.jwks import ALGORITHMS
from apps.tenants.scopes import SCOPES

log = structlog.get_logger(__name__)

FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 16 * 1024
AUTH_METHODS = ["client_secret_basic", "client_secret_post", "private_key_jwt"]
NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


@method_decorator(csrf_exempt, name="dispatch")
@method_decorator(sensitive_post_parameters(), name="dispatch")
class FormView(OAuthLibMixin, View):  # type: ignore[misc]  # the library is untyped
    """Takes a form, no parameter twice, and answers as RFC 6749, 5 says."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest) -> HttpResponse:
        """Answer the form."""
        flaw = _flaw(request)
        if flaw:
            return _answer({}, json.dumps({"error": "invalid_request", "error_description": flaw}), 400)
        try:
            return self.answer(request)
        except (OperationalError, InterfaceError):
            log.exception("oauth.store_unavailable")
            return _answer({"Retry-After": "5"}, json.dumps({"error": "temporarily_unavailable"}), 503)

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Answer a form that is one."""
        raise NotImplementedError


class TokenView(FormView):
    """``POST /oauth/token``: a client proves itself and gets an access token (RFC 6749, 4.4)."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        """A token, or why not."""
        _uri, headers, body, status = self.create_token_response(request)
        return _answer(headers, body, status)


class RevokeView(FormView):
    """``POST /oauth/revoke``: a client gives up a token of its own (RFC 7009)."""

    def answer(self, request: HttpRequest) -> HttpResponse:
        """Nothing, whether there was such a token or not."""
        _uri, headers, body, status = self.create_revocation_response(request)
        return _answer(headers, body, status)


class MetadataView(View):
    """``GET /.well-known/oauth-authorization-server`` (RFC 8414) and ``/.well-known/smart-configuration``."""

    http_method_names = ["get", "head", "options"]

    def get(self, request: HttpRequest) -> JsonResponse:
        """What there is to know before the first request."""
        endpoint = token_url(request)
        parts = urlsplit(endpoint)
        origin = f"{parts.scheme}://{parts.netloc}"
        document: dict[str, Any] = {
            "issuer": origin,
            "token_endpoint": endpoint,
            "token_endpoint_auth_methods_supported": AUTH_METHODS,
            "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "revocation_endpoint": origin + reverse("oauth-revoke"),
            "revocation_endpoint_auth_methods_supported": AUTH_METHODS,
            "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
            "grant_types_supported": ["client_credentials"],
            "response_types_supported": [],
            "scopes_supported": list(SCOPES),
            "service_documentation": origin + reverse("docs"),
            "capabilities": ["client-confidential-asymmetric", "client-confidential-symmetric"],
        }
        return JsonResponse(document)


def _flaw(request: HttpRequest) -> str:
    """What keeps a body from being a form that can be answered, or ""."""
    if request.content_type != FORM:
        return f"Send {FORM}."
    if int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES:
        return "The form is too large."
    try:
        repeated = any(len(values) > 1 for _name, values in request.POST.lists())
    except (RequestDataTooBig, TooManyFieldsSent, MultiPartParserError):
        return "The form is too large."
    return "A parameter is sent twice." if repeated else ""


def _answer(headers: dict[str, str], body: str, status: int) -> HttpResponse:
    answer = HttpResponse(body, status=status, content_type="application/json", headers=NO_STORE)
    for name, value in headers.items():
        if name.lower() not in {"content-type", "www-authenticate"}:
            answer[name] = value
    if status == 401:
        answer["WWW-Authenticate"] = 'Basic realm="assay"'
    return answer
