"""Who is asking, whether they have proved it well enough, and whose rows they may see."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from allauth.account.internal.stagekit import get_pending_stage
from allauth.mfa.utils import is_mfa_enabled
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from apps.common import scope
from apps.people import sessions, trail
from apps.people.standing import Standing, standing_of

MACHINES = ("/api/", "/v1/", "/oauth/", "/.well-known/")  # they bring keys and tokens; a session means nothing there
OF_PEOPLE = "account/"  # the pages of this room, where somebody may be on the way to signing in
ALWAYS = frozenset({"account_logout", "set_language"})
BEFORE_SET_UP = ALWAYS | {"mfa_activate_totp", "account_reauthenticate"}
BEFORE_PROOF = ALWAYS | {"mfa_reauthenticate"}

Answer = Callable[[HttpRequest], HttpResponse]


class PeopleMiddleware:
    """Lets nobody past a page who has not signed in, was away too long, or owes a second factor.

    Stands before the session is read, because reading it asks PostgreSQL; decides once the view is known.
    Pages are closed unless they are this room's own. Whoever is let through works in the scope of one
    institution, or, in the administration, in the operator's.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request; until the person is known, in the scope of somebody who is signing in."""
        if request.path_info.startswith(MACHINES):
            return self.get_response(request)
        with scope.entered(scope.SIGNING_IN):
            return self.get_response(request)

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _options: Any) -> HttpResponse | None:
        """Turn somebody away, or let them in and enter their scope."""
        route = request.resolver_match.route if request.resolver_match else ""
        if request.path_info.startswith(MACHINES) or not route:
            return None
        is_ours = route.startswith(OF_PEOPLE)
        if not request.user.is_authenticated:
            return None if is_ours else _to_sign_in(request)
        over = sessions.ended(request.session)
        if over is not None:
            return _lock(request, over, is_ours=is_ours)
        sessions.touch(request.session)
        standing = standing_of(request.user)
        request.standing = standing  # type: ignore[attr-defined]
        return _owed(request, standing) or (None if is_ours else _enter(request, standing, route))


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    stage = get_pending_stage(request)
    return _redirect(request, stage.urlname if stage and stage.urlname else "account_login")


def _lock(request: HttpRequest, over: sessions.Ended, *, is_ours: bool) -> HttpResponse | None:
    trail.note("session.locked", user=request.user, details={"reason": over.value})  # type: ignore[arg-type]
    logout(request)
    return None if is_ours else _redirect(request, "people_locked")


def _owed(request: HttpRequest, standing: Standing) -> HttpResponse | None:
    """Where somebody goes who has yet to show, or to set up, a second factor."""
    if sessions.is_proved(request):
        return None
    name = request.resolver_match.url_name if request.resolver_match else ""
    if is_mfa_enabled(standing.user):
        return None if name in BEFORE_PROOF else _redirect(request, "mfa_reauthenticate")
    if standing.needs_second_factor:
        return None if name in BEFORE_SET_UP else _redirect(request, "mfa_activate_totp")
    return None


def _enter(request: HttpRequest, standing: Standing, route: str) -> HttpResponse | None:
    if route.startswith("admin/"):
        if not standing.user.is_staff:
            return render(request, "people/refused.html", status=403)
        scope.enter(scope.OPERATOR)
        return None
    institutions = standing.institutions
    chosen = institutions.get(request.session.get(sessions.INSTITUTION, ""))
    if chosen is None and len(institutions) == 1:
        (chosen,) = institutions.values()
    if chosen is None:
        return _redirect(request, "people_institution")
    request.institution = chosen  # type: ignore[attr-defined]
    scope.enter(scope.of(chosen.pk))
    return None


def _redirect(request: HttpRequest, name: str) -> HttpResponse:
    """To a page, and from there back to where somebody was going."""
    is_ours = request.resolver_match is not None and request.resolver_match.route.startswith(OF_PEOPLE)
    wanted = request.GET.get("next") if is_ours else request.get_full_path()
    query = f"?{urlencode({'next': wanted})}" if wanted else ""
    return HttpResponseRedirect(reverse(name) + query)
