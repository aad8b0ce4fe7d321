"""Who calls: a machine client with an API key."""

from dataclasses import dataclass
from typing import Literal

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from apps.common import context
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


class ApiKeyAuthentication(BaseAuthentication):
    """``Authorization: Bearer ak_live_…``. ``request.auth`` is then the `ApiClient`."""

    def authenticate(self, request: Request) -> tuple[MachineUser, ApiClient] | None:
        """The caller, or None if no bearer key was sent.

        Raises:
            AuthenticationFailed: the key is malformed, unknown or revoked; the three look the same.
        """
        scheme, _, key = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            client = authenticate_key(key.strip(), now=timezone.now())
        except KeyRefused as refused:
            raise AuthenticationFailed(refused.detail, code=refused.code) from None
        context.bind(client_id=str(client.pk), institution_id=str(client.institution_id))
        return MachineUser(client, frozenset(client.scopes)), client

    def authenticate_header(self, _request: Request) -> str:
        """Tells a caller without a key which kind to bring."""
        return 'Bearer realm="assay"'
