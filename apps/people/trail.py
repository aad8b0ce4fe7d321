"""What the audit trail hears of people signing in. Never what they typed."""

from collections.abc import Mapping
from typing import Any

from allauth.account.signals import password_changed, password_reset
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_used
from django.contrib.auth.signals import user_logged_out
from django.core.cache import cache
from django.utils import timezone

from apps.audit import services as audit
from apps.tenants.models import Institution, Membership, User

LOCK_NOTED_EVERY_S = 60  # a flood of guesses writes one event a minute, not ten thousand


def note(action: str, *, user: User | None, outcome: str = "success", details: Mapping[str, Any] | None = None) -> None:
    """Write an event for every institution somebody works in, so that each of them sees it; one without, if none.

    What was refused was not done by the person but by whoever tried to be them.
    """
    places = _institutions(user) if user is not None else []
    subject = audit.Subject(label="tenants.user", id="" if user is None else str(user.pk))
    actor = f"user:{user.pk}" if user is not None and outcome == "success" else "unknown"
    for place in places or [None]:
        audit.record(
            actor=actor, action=action, institution=place, subject=subject,
            now=timezone.now(), outcome=outcome, details=details,
        )  # fmt: skip


def note_entered(user: User, institution: Institution) -> None:
    """Write that somebody works in an institution now. The others where they have a role do not hear of it."""
    who, now = f"user:{user.pk}", timezone.now()
    audit.record(actor=who, action="institution.entered", institution=institution, subject=user, now=now)


def note_lock(user: User | None, *, key: str) -> None:
    """Write that attempts are refused unseen, once a minute for each name they are made with."""
    if cache.add(f"people.lock:{key}", 1, LOCK_NOTED_EVERY_S):
        note("sign_in.locked", user=user, outcome="refused")


def listen() -> None:
    """Hear of what allauth does by itself."""
    user_logged_out.connect(_signed_out, dispatch_uid="people.trail")
    password_changed.connect(_password_changed, dispatch_uid="people.trail")
    password_reset.connect(_password_changed, dispatch_uid="people.trail")
    authentication_failed.connect(_code_refused, dispatch_uid="people.trail")
    authenticator_used.connect(_code_taken, dispatch_uid="people.trail")


def _institutions(user: User) -> list[Any]:
    return list(
        Membership.objects.filter(user=user)
        .order_by("institution_id")
        .distinct()
        .values_list("institution_id", flat=True)
    )


def _signed_out(user: User | None, **_rest: Any) -> None:
    if user is not None:
        note("session.closed", user=user)


def _password_changed(user: User, **_rest: Any) -> None:
    note("password.changed", user=user)


def _code_refused(user: User, **_rest: Any) -> None:
    note("second_factor.refused", user=user, outcome="refused")


def _code_taken(user: User, authenticator: Authenticator, **_rest: Any) -> None:
    note("second_factor.shown", user=user, details={"type": str(authenticator.type)})
