"""An OpenID Connect provider, asked with PKCE, state and nonce, and believed only when everything fits."""

import secrets
from typing import Any
from urllib.parse import urlsplit

from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from allauth.utils import build_absolute_uri
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from apps.people.single_sign_on import subject_of

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]  # a key pair's
LEEWAY_S = 30  # between the provider's clock and ours
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class Conversation(OpenIDConnectOAuth2Adapter):  # type: ignore[misc]
    """One sign-in with the provider."""

    @property
    def openid_config(self) -> dict[str, Any]:
        """What the provider says of itself, once it is sure to be the configured one.

        Raises:
            OAuth2Error: it calls itself otherwise, or would have us speak without TLS.
        """
        described: dict[str, Any] = super().openid_config
        issuer = self.get_provider().app.settings["server_url"]
        if described.get("issuer") != issuer:
            raise OAuth2Error("the issuer is another one")
        scheme = urlsplit(issuer).scheme
        if any(urlsplit(str(described.get(name, ""))).scheme != scheme for name in ENDPOINTS):
            raise OAuth2Error("an endpoint is not where it should be")
        return described

    def get_callback_url(self, request: HttpRequest, _app: Any) -> str:
        """Where the provider sends people back to."""
        return str(build_absolute_uri(request, reverse("sso_callback")))

    def complete_login(self, request: HttpRequest, app: Any, _token: Any, **options: Any) -> Any:
        """Read the provider's answer. Who is meant is found out later; see `single_sign_on.admit`.

        Raises:
            OAuth2Error: the answer is not signed by the provider, not for us, or past its time.
        """
        claims = self._claims(app, options["response"].get("id_token") or "")
        if "email" not in claims and "userinfo_endpoint" in self.openid_config:
            claims = self._with_profile(claims, options["response"].get("access_token") or "")
        login = self.get_provider().sociallogin_from_response(request, claims)
        login.claims = claims
        return login

    def _claims(self, app: Any, id_token: str) -> dict[str, Any]:
        with get_adapter().get_requests_session() as session:
            keys = session.get(self.openid_config["jwks_uri"]).json()
        expected = jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": self.openid_config["issuer"]},
            aud={"essential": True, "value": app.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True},
        )
        try:
            claims: dict[str, Any] = jwt.decode(id_token, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims
            expected.validate(claims)
        except (JoseError, ValueError, KeyError, TypeError) as unbelievable:
            raise OAuth2Error("the identity token does not hold") from unbelievable
        if claims.get("azp", app.client_id) != app.client_id:
            raise OAuth2Error("the identity token was made for somebody else")
        return claims

    def _with_profile(self, claims: dict[str, Any], access_token: str) -> dict[str, Any]:
        profile = self._fetch_user_info(access_token)
        if profile.get("sub") != claims["sub"]:
            raise OAuth2Error("the profile is somebody else's")
        return {**profile, **claims}


class SingleSignOn(OpenIDConnectProvider):  # type: ignore[misc]
    """The one provider of an installation."""

    id = "sso"
    name = "Single sign-on"
    oauth2_adapter_class = Conversation
    pkce_enabled_default = True

    def get_login_url(self, _request: HttpRequest, **_options: Any) -> str:
        """Where a person asks to be sent to the provider."""
        return reverse("sso_login")

    def redirect_from_request(self, request: HttpRequest) -> HttpResponse:
        """Send somebody to the provider, with our parameters alone: none comes from the address."""
        answer: HttpResponse = self.redirect(request, process="login", next_url=get_next_redirect_url(request))
        return answer

    def redirect(self, request: HttpRequest, process: str, next_url: str | None = None, **_options: Any) -> Any:
        """Send somebody to the provider; state, nonce and verifier wait in their session."""
        nonce = secrets.token_urlsafe(16)
        return super().redirect(request, process, next_url, auth_params={"nonce": nonce}, nonce=nonce)

    def extract_uid(self, data: dict[str, Any]) -> str:
        """Issuer and subject as one."""
        return subject_of(data["iss"], data["sub"])

    def extract_extra_data(self, _data: dict[str, Any]) -> dict[str, Any]:
        """Nothing of a person's profile is kept."""
        return {}

    def extract_email_addresses(self, _data: dict[str, Any]) -> list[EmailAddress]:
        """Addresses are the person's own row's."""
        return []


provider_classes = [SingleSignOn]
