"""Assay's answers to what the OAuth library asks while it runs the client credentials grant."""

import base64
import binascii
from typing import Any, NoReturn
from urllib.parse import unquote_plus

import structlog
from django.utils import timezone
from oauth2_provider.oauth2_validators import OAuth2Validator
from oauth2_provider.scopes import BaseScopes
from oauthlib.oauth2.rfc6749.errors import InvalidRequestError

from apps.audit import refusals
from apps.audit.services import Subject
from apps.common import context, scope
from apps.oauth import assertions, services
from apps.oauth.addresses import TOKEN_URL
from apps.oauth.models import Application
from apps.oauth.problems import ClientRefused
from apps.tenants.scopes import SCOPES

TOKEN_ENDPOINT = Subject(label="endpoint", id="oauth-token")

log = structlog.get_logger(__name__)


class ClientScopes(BaseScopes):  # type: ignore[misc]  # the library is untyped
    """A token may allow what its client was granted; without asking for less it allows all of that."""

    def get_all_scopes(self) -> dict[str, str]:
        """Every scope with what it allows."""
        return {name: str(description) for name, description in SCOPES.items()}

    def get_available_scopes(self, application: Application | None = None, *_a: Any, **_k: Any) -> list[str]:
        """What a client was granted."""
        return list(SCOPES) if application is None else list(application.api_client.scopes)

    def get_default_scopes(self, application: Application | None = None, *_a: Any, **_k: Any) -> list[str]:
        """What a client gets that asks for nothing in particular."""
        return self.get_available_scopes(application)


class MachineValidator(OAuth2Validator):  # type: ignore[misc]  # the library is untyped
    """Client credentials alone; secrets, tokens and assertions are `apps.oauth.services`' business."""

    def client_authentication_required(self, _request: Any, *_args: Any, **_kwargs: Any) -> bool:
        """Always: there are no public clients."""
        return True

    def authenticate_client(self, request: Any, *_args: Any, **_kwargs: Any) -> bool:
        """Whether the request comes from a client, which is then ``request.client``, in its institution's scope.

        Raises:
            InvalidRequestError: it proves itself in two ways at once, or in half of one.
        """
        try:
            application = self._proven(request)
        except ClientRefused as refused:
            log.warning("oauth.client_refused", reason=refused.reason)
            refusals.note(code=f"client.{refused.reason}", subject=TOKEN_ENDPOINT, now=timezone.now())
            return False
        scope.enter(scope.of(application.institution_id))
        client = application.api_client
        context.bind(client_id=str(client.pk), institution_id=str(client.institution_id))
        request.client, request.client_id = application, application.client_id
        return True

    def authenticate_client_id(self, *_args: Any, **_kwargs: Any) -> bool:
        """Never: naming a client proves nothing."""
        return False

    def save_bearer_token(self, token: dict[str, Any], request: Any, *_args: Any, **_kwargs: Any) -> None:
        """Store what the token allows, and its digest."""
        services.issue_token(
            application=request.client,
            token=token["access_token"],
            scopes=request.scopes,
            lifetime_s=token["expires_in"],
            now=timezone.now(),
        )

    def revoke_token(self, token: str, _hint: str, request: Any, *_args: Any, **_kwargs: Any) -> None:
        """End a token of this client; another's looks like an unknown one."""
        services.revoke_token(application=request.client, token=token, now=timezone.now())

    def validate_bearer_token(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Not here: endpoints ask `apps.oauth.services.authenticate_token`."""
        raise NotImplementedError

    def _proven(self, request: Any) -> Application:
        """The client, by the one way in which it proves itself. Raises ClientRefused or InvalidRequestError."""
        basic = str(request.headers.get("Authorization") or "")
        secret, assertion = _sent(request, "client_secret"), _sent(request, "client_assertion")
        if sum(map(bool, (basic, secret, assertion))) > 1:
            raise InvalidRequestError("The client proves itself in more than one way.", request=request)
        client_id, now = _sent(request, "client_id"), timezone.now()
        if assertion or _sent(request, "client_assertion_type"):
            if _sent(request, "client_assertion_type") != assertions.TYPE or not assertion:
                raise InvalidRequestError("The client assertion is of no known type.", request=request)
            audience = str(request.headers[TOKEN_URL])
            return services.authenticate_assertion(assertion, client_id=client_id, audience=audience, now=now)
        if basic:
            named, secret = _basic(basic)
            if client_id not in {"", named}:
                raise ClientRefused("secret")
            client_id = named
        return services.authenticate_secret(client_id=client_id, secret=secret, now=now)


def _sent(request: Any, name: str) -> str:
    return str(getattr(request, name, None) or "")


def _basic(header: str) -> tuple[str, str]:
    """Name and secret, each form-encoded before they were joined (RFC 6749, 2.3.1). Raises ClientRefused."""
    scheme, _, encoded = header.partition(" ")
    try:
        told = base64.b64decode(encoded.strip(), validate=True).decode()
    except (binascii.Error, ValueError):
        raise ClientRefused("malformed") from None
    name, colon, secret = told.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise ClientRefused("malformed")
    return unquote_plus(name), unquote_plus(secret)
