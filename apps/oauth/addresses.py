"""Where the token endpoint is, as clients name it in what they sign."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from oauth2_provider.oauth2_backends import OAuthLibCore

TOKEN_URL = "assay.token_url"  # noqa: S105 - among the headers, where nothing that a client sends can get


def token_url(request: HttpRequest) -> str:
    """The configured address; where none is, the one that this request came to."""
    return settings.OAUTH_TOKEN_URL or request.build_absolute_uri(reverse("oauth-token"))


class MachineCore(OAuthLibCore):  # type: ignore[misc]  # the library is untyped
    """Hands the library a request, and with it the address that an assertion must name."""

    def extract_headers(self, request: HttpRequest) -> dict[str, Any]:
        """Headers, and the token endpoint's address."""
        headers: dict[str, Any] = super().extract_headers(request)
        return headers | {TOKEN_URL: token_url(request)}
