"""Who calls: a machine client with an API key or an access token."""

from dataclasses import dataclass
from typing import Literal

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.common import context, scope
from apps.oauth.problems import TokenRefused
from apps.oauth.services import authenticate_token
from apps.oauth.tokens import PREFIX
from apps.tenants.keys import KeyRefused, authenticate_key
from apps.tenants.models import ApiClient


@dataclass(frozen=True, slots=True)
class MachineUser:
    """Stands where Django expects a user when a machine calls; it has no rights of a person."""

    client: ApiClient
    scopes: frozenset[str]

    pk: None = None
    is_authenticated: Literal[True] = True
    is_anonymous: Literal[False] = False
    is_active: Literal[True] = True
    is_staff: Literal[False] = False

    def __str__(self) -> str:
        return f"client:{self.client.pk}"


class BearerAuthentication(BaseAuthentication):
    """``Authorization: Bearer`` with an API key or an access token. ``request.auth`` is then the `ApiClient`.

    ``request.user.scopes`` is what the key or the token allows. The rest of the request is in the scope of the
    client's institution.
    """

    def authenticate(self, request: Request) -> tuple[MachineUser, ApiClient] | None:
        """The caller, or None if nothing of the kind was sent.

        Raises:
            AuthenticationFailed: it is malformed, unknown, revoked or expired; they look the same.
        """
        scheme, _, sent = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        client, scopes = authenticated(sent.strip())
        scope.enter(scope.of(client.institution_id))
        context.bind(client_id=str(client.pk), institution_id=str(client.institution_id))
        return MachineUser(client, scopes), client

    def authenticate_header(self, request: Request) -> str:
        """Tells a caller what to bring, and one who brought something that it opens nothing (RFC 6750, 3)."""
        is_bearer = request.META.get("HTTP_AUTHORIZATION", "").lower().startswith("bearer ")
        return 'Bearer realm="assay", error="invalid_token"' if is_bearer else 'Bearer realm="assay"'


def authenticated(sent: str) -> tuple[ApiClient, frozenset[str]]:
    """Whose key or token this is, and what it allows; at any door.

    Raises:
        AuthenticationFailed: it is malformed, unknown, revoked or expired; they look the same.
    """
    now = timezone.now()
    try:
        if sent.startswith(PREFIX):
            return authenticate_token(sent, now=now)
        client = authenticate_key(sent, now=now)
    except (KeyRefused, TokenRefused) as refused:
        raise AuthenticationFailed(refused.detail, code=refused.code) from None
    return client, frozenset(client.scopes)
