"""Where allauth asks us: how it signs people in, seals their second factors, and believes a provider."""

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import place, seal, unseal
from apps.people import sessions, single_sign_on, trail
from apps.people.standing import standing_of
from apps.tenants.models import User

CODE = "mfa_reauthenticate"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody signs up; everything that happens at the door is written down."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        """People are made known by operators."""
        return False

    def login(self, request: HttpRequest, user: Any) -> None:
        """Open a session under a new name, once every factor has been shown."""
        super().login(request, user)
        sessions.begin(request.session)
        trail.note("session.opened", user=user, details={"second_factor": sessions.is_proved(request)})

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse without looking at the password where there were too many attempts."""
        try:
            super().pre_authenticate(request, **credentials)
        except ValidationError:
            trail.note_lock(_named(credentials), key=self._get_login_attempts_cache_key(request, **credentials))
            raise

    def authentication_failed(self, _request: HttpRequest, **credentials: Any) -> None:
        """Write down that somebody was not let in."""
        trail.note("sign_in.refused", user=_named(credentials), outcome="refused")

    def is_reauthentication_required(self, *, app: str, **options: Any) -> bool:
        """Who signed in a moment ago is not asked again, unless a code is owed."""
        request = context.request
        if sessions.is_fresh(request.session):
            return False
        return bool(super().is_reauthentication_required(app=app, **options))

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """With a second factor, a password alone proves nothing again."""
        methods = super().get_reauthentication_methods(user)
        return [method for method in methods if method["id"] == CODE] or methods


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seals what second factors are computed from, and keeps them where they are owed."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": _("Your role needs a second factor. Ask an operator to reset it."),
    }

    def get_totp_issuer(self) -> str:
        """The name an authenticator app shows."""
        return "Assay"

    def encrypt(self, text: str) -> str:
        """Seal a secret; the database alone opens nothing."""
        return base64.b64encode(seal(text.encode(), PLACE)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Open a secret again.

        Raises:
            SealBroken: it was altered, or its key is gone.
        """
        return unseal(base64.b64decode(encrypted_text), PLACE).decode()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Whether its owner may go without."""
        return not standing_of(authenticator.user).needs_second_factor


# allauth says whose secret it is neither when it seals nor when it opens: all of them share one place.
PLACE = place(model="mfa.authenticator", field="secret", institution_id=None, row="any")


class SingleSignOnAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """Believes one provider, named by the installation's settings, about people whom it knows already."""

    def is_open_for_signup(self, _request: HttpRequest, _login: Any) -> bool:
        """A stranger stays one; see `single_sign_on.admit` for whom an installation may take on."""
        return False

    def list_apps(self, _request: HttpRequest, provider: Any = None, client_id: Any = None) -> list[Any]:
        """The provider of the settings alone; a row in the database adds none."""
        return single_sign_on.apps(provider=provider, client_id=client_id)

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """Find out whom the provider means, or send them away."""
        single_sign_on.admit(request, sociallogin)

    def on_authentication_error(self, _request: HttpRequest, _provider: Any, **_details: Any) -> None:
        """Write down that the provider's answer was not believed."""
        trail.note("sign_on.refused", user=None, outcome="refused", details={"reason": "answer"})


def _named(credentials: dict[str, Any]) -> User | None:
    """Who is meant by what was typed, if there is such a person; it goes into the trail as an identifier."""
    name = credentials.get("username") or credentials.get("email") or ""
    return User.objects.filter(username__iexact=name).first() or (
        User.objects.filter(email__iexact=name).first() if name else None
    )
