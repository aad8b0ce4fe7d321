"""Whom a provider means. It may vouch for people we know; it makes operators of nobody."""

import secrets
from hashlib import sha256
from typing import Any, NoReturn

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import _build_apps_from_settings
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from apps.common import scope
from apps.people import trail
from apps.people.admission import Admission
from apps.tenants.models import Institution, User
from apps.tenants.people import create_user, grant_role

ACTOR = "system"


def apps(*, provider: str | None, client_id: str | None) -> list[Any]:
    """The configured provider, as allauth's applications."""
    return [
        app for found in _build_apps_from_settings(provider=provider, client_id=client_id).values() for app in found
    ]


def subject_of(issuer: str, subject: str) -> str:
    """One identifier for a provider's person: the same subject at another issuer is somebody else.

    >>> subject_of("https://id.example", "248289761001")[:16]
    'a32b0e8b47e9e4fc'
    """
    return sha256(f"{issuer}\n{subject}".encode()).hexdigest()


def link(user: User, *, issuer: str, subject: str) -> None:
    """Let a provider's subject sign in as somebody. Repeating it changes nothing."""
    SocialAccount.objects.get_or_create(provider="sso", uid=subject_of(issuer, subject), defaults={"user": user})


def admit(request: HttpRequest, login: Any) -> None:
    """Point a provider's answer at a person we know.

    A subject linked before is believed. Otherwise a verified address finds somebody who is no operator, or,
    where the installation says so, makes somebody known.

    Raises:
        ImmediateHttpResponse: nobody is meant, or the answer is not to this browser's question.
    """
    claims = login.claims
    if not constant_time_compare(claims.get("nonce", ""), login.state.get("nonce") or secrets.token_urlsafe()):
        _refuse(request, "nonce")
    if login.is_existing:
        return None if login.user.is_active else _refuse(request, "inactive")
    if claims.get("email_verified") is not True or not claims.get("email"):
        _refuse(request, "unverified")
    user = User.objects.filter(email__iexact=claims["email"], is_active=True).first()
    if user is None:
        user = _newcomer(claims) or _refuse(request, "unknown")
    if user.is_staff:
        _refuse(request, "operator")
    login.connect(request, user)
    trail.note("sign_on.linked", user=user)
    return None


@transaction.atomic
def _newcomer(claims: dict[str, Any]) -> User | None:
    admission: Admission | None = settings.OIDC_ADMISSION
    wanted = admission.places(claims.get(admission.claim)) if admission else []
    known = {institution.name: institution for institution in Institution.objects.filter(name__in=dict(wanted))}
    places = [(known[name], role) for name, role in wanted if name in known]
    if not places or User.objects.filter(email__iexact=claims["email"]).exists():
        return None
    now = timezone.now()
    name = str(claims.get("name") or "")
    user = create_user(username=claims["email"], email=claims["email"], full_name=name, actor=ACTOR, now=now)
    for institution, role in places:
        with scope.entered(scope.of(institution.pk)):
            grant_role(user=user, role=role, institution=institution, actor=ACTOR, now=now)
    user.refresh_from_db()
    return user


def _refuse(request: HttpRequest, reason: str) -> NoReturn:
    trail.note("sign_on.refused", user=None, outcome="refused", details={"reason": reason})
    raise ImmediateHttpResponse(render(request, "people/unknown.html", status=403))
