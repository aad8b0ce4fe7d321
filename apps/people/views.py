"""Pages of the door. allauth does the work; here is what an institution needs beside it."""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.utils import get_next_redirect_url
from allauth.account.views import LoginView
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.common.middleware import PAGE_POLICY
from apps.people import sessions, trail
from apps.people.forms import InstitutionForm
from apps.people.provider import Conversation
from apps.people.standing import standing_of
from apps.tenants.models import Institution, User
from apps.tenants.people import end_sessions
from apps.tenants.roles import NAMES


class SignIn(LoginView):  # type: ignore[misc]
    """User name and password, or the institution's own sign-in where there is one."""

    def get_context_data(self, **options: Any) -> dict[str, Any]:
        """With the provider's button."""
        return {**super().get_context_data(**options), "single_sign_on": bool(settings.SOCIALACCOUNT_PROVIDERS)}

    def render_to_response(self, *args: Any, **options: Any) -> HttpResponse:
        """The page, from which a browser may go on to the provider and nowhere else."""
        response: HttpResponse = super().render_to_response(*args, **options)
        response["Content-Security-Policy"] = _policy_towards_provider()
        return response


class SetUp(ActivateTOTPView):  # type: ignore[misc]
    """A second factor, set up; the code that proves it counts as shown."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Keep the secret, sealed."""
        response: HttpResponse = super().form_valid(form)
        authenticator = Authenticator.objects.get(user=self.request.user, type=Authenticator.Type.TOTP)
        sessions.prove(self.request, authenticator_id=authenticator.pk, kind="totp")
        trail.note("second_factor.set_up", user=self.request.user)
        return response


class Remove(DeactivateTOTPView):  # type: ignore[misc]
    """A second factor, given up by somebody who owes none."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Forget the secret and the recovery codes."""
        response: HttpResponse = super().form_valid(form)
        trail.note("second_factor.removed", user=self.request.user)
        return response


class NewRecoveryCodes(GenerateRecoveryCodesView):  # type: ignore[misc]
    """Ten more codes for the day the phone is lost; those from before open nothing."""

    def form_valid(self, form: Any) -> HttpResponse:
        """Make them."""
        response: HttpResponse = super().form_valid(form)
        trail.note("recovery_codes.made", user=self.request.user)
        return response


@require_POST
@never_cache
def to_provider(request: HttpRequest) -> HttpResponse:
    """Send somebody to the provider."""
    return _with_provider(request, OAuth2LoginView)


@require_GET
@never_cache
def from_provider(request: HttpRequest) -> HttpResponse:
    """Take somebody back from the provider."""
    return _with_provider(request, OAuth2CallbackView)


@login_required
@require_GET
def start(request: HttpRequest) -> HttpResponse:
    """Where somebody's work is: the administration for operators, their institution for all others."""
    return redirect("admin:index" if request.user.is_staff else "people_overview")


@login_required
@never_cache
@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """Who somebody is here, and how they sign in."""
    standing = standing_of(_me(request))
    places = [
        (institution, [NAMES[role] for role in sorted(standing.roles(institution.pk))])
        for institution in standing.institutions.values()
    ]
    kinds = set(Authenticator.objects.filter(user=request.user).values_list("type", flat=True))
    has_codes = Authenticator.Type.TOTP in kinds
    chosen = request.session.get(sessions.INSTITUTION, "")
    context = {"places": places, "chosen": chosen, "has_codes": has_codes, "is_owed": standing.needs_second_factor}
    return render(request, "people/overview.html", context)


@login_required
@never_cache
@require_http_methods(["GET", "POST"])
def institution(request: HttpRequest) -> HttpResponse:
    """Choose where to work now. Somebody without any role is told so."""
    standing = standing_of(_me(request))
    own = Institution.objects.filter(pk__in=standing.institutions)
    form = InstitutionForm(request.POST or None, institutions=own)
    if form.is_valid():
        chosen = form.cleaned_data["institution"]
        sessions.choose(request.session, chosen.pk)
        trail.note_entered(_me(request), chosen)
        return redirect(get_next_redirect_url(request) or "people_start")
    context = {"institutions": standing.institutions.values(), "next": get_next_redirect_url(request) or ""}
    return render(request, "people/institution.html", context, status=200 if standing.institutions else 403)


@login_required
@require_POST
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """End every session of the person, this one too."""
    me = _me(request)
    end_sessions(user=me, actor=f"user:{me.pk}", now=timezone.now())
    return redirect("account_login")


@never_cache
@require_GET
def locked(request: HttpRequest) -> HttpResponse:
    """Tell somebody who was away that their session ended."""
    context = {"minutes": f"{settings.IDLE_MINUTES:g}", "next": get_next_redirect_url(request) or ""}
    return render(request, "people/locked.html", context)


def too_many(request: HttpRequest) -> HttpResponse:
    """Tell somebody to wait. allauth asks for this where a limit is reached."""
    return render(request, "people/too_many.html", status=429)


def _me(request: HttpRequest) -> User:
    """The person of the session, where a decorator has made sure that there is one."""
    assert isinstance(request.user, User)
    return request.user


def _with_provider(request: HttpRequest, view: Any) -> HttpResponse:
    if not settings.SOCIALACCOUNT_PROVIDERS:
        raise Http404
    conversation = Conversation(request, "sso")
    try:
        response: HttpResponse = view.adapter_view(conversation)(request)
    except (OAuth2Error, OSError) as failed:  # the provider is away, or not itself
        response = render_authentication_error(request, conversation.get_provider(), exception=failed)
    return response


def _policy_towards_provider() -> str:
    """The pages' policy; a form may lead to the provider's origin, where browsers follow the redirect."""
    for app in settings.SOCIALACCOUNT_PROVIDERS.get("sso", {}).get("APPS", []):
        where = urlsplit(app["settings"]["server_url"])
        return PAGE_POLICY.replace("form-action 'self'", f"form-action 'self' {where.scheme}://{where.netloc}")
    return PAGE_POLICY
