"""How long a session is good for, and what was proved in it."""

import time
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

from allauth.account.internal.flows.login import get_authentication_records, record_authentication
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

BEGAN, SEEN, INSTITUTION = "people.began_at", "people.seen_at", "people.institution"
LIFETIME = timedelta(hours=12)  # then everybody proves anew who they are
FRESH = timedelta(minutes=5)  # for this long after signing in nobody is asked again


class Ended(StrEnum):
    """Why a session is over."""

    IDLE = "idle"
    OLD = "old"
    UNKNOWN = "unknown"  # nobody signed in to it: made by other means, or before an upgrade


def begin(session: SessionBase) -> None:
    """Start counting: somebody has signed in."""
    session[BEGAN] = session[SEEN] = time.time()


def ended(session: SessionBase) -> Ended | None:
    """Why a session is over, or None while it is good."""
    began, seen, now = session.get(BEGAN), session.get(SEEN), time.time()
    if not isinstance(began, float) or not isinstance(seen, float):
        return Ended.UNKNOWN
    if now - began > LIFETIME.total_seconds():
        return Ended.OLD
    return Ended.IDLE if now - seen > idle_s() else None


def touch(session: SessionBase) -> None:
    """Note that somebody is there, about once a minute, so that not every page writes a row."""
    now = time.time()
    if now - session[SEEN] > idle_s() / 15:
        session[SEEN] = now


def idle_s() -> float:
    """After how many seconds without a request a session locks."""
    return 60.0 * float(settings.IDLE_MINUTES)


def is_fresh(session: SessionBase) -> bool:
    """Whether somebody has signed in to it just now."""
    began = session.get(BEGAN)
    return isinstance(began, float) and time.time() - began < FRESH.total_seconds()


def prove(request: HttpRequest, *, authenticator_id: int, kind: str) -> None:
    """Note that the person of this session has given a code of theirs."""
    record_authentication(request, request.user, "mfa", id=authenticator_id, type=kind)


def is_proved(request: HttpRequest) -> bool:
    """Whether the person of this session has shown a second factor in it."""
    records = get_authentication_records(request, request.user)
    return any(record.get("method") == "mfa" for record in records)


def choose(session: SessionBase, institution_id: UUID) -> None:
    """Work in an institution from here on."""
    session[INSTITUTION] = str(institution_id)
