"""Browsers at the door: with and without a session, and codes as an authenticator app would show them."""

import time
from datetime import UTC, datetime

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.http import HttpResponse
from django.test import Client

from apps.people import sessions
from apps.tenants.models import Institution, User
from apps.tenants.people import create_user, grant_role
from apps.tenants.services import create_institution

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)
PASSWORD = "quiet harbour at dusk"


def bank(name: str = "First Bank") -> Institution:
    """A bank."""
    return create_institution(name=name, kind="bank", actor="system", now=NOW)


def person(username: str, role: str | None = None, institution: Institution | None = None) -> User:
    """Somebody with the password of these tests, and at most one role."""
    user = create_user(username=username, email=f"{username}@example.org", actor="system", now=NOW)
    if role:
        grant_role(user=user, role=role, institution=institution, actor="system", now=NOW)
    user.refresh_from_db()
    user.set_password(PASSWORD)
    user.save()
    return user


def with_app(user: User) -> str:
    """Set up an authenticator app. Returns its secret."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return str(secret)


def code(secret: str, *, periods: int = 0) -> str:
    """What the app shows now, or some half minutes from now."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods)))


def sign_in(client: Client, username: str, password: str = PASSWORD, **query: str) -> HttpResponse:
    """Send the form of the first page."""
    return client.post("/account/sign-in/", {"login": username, "password": password}, query_params=query)  # type: ignore[return-value]


def inside(user: User, *, proved: bool, client: Client | None = None) -> Client:
    """A browser in which somebody has signed in, with or without a second factor."""
    browser = client or Client()
    browser.force_login(user)
    session = browser.session
    sessions.begin(session)
    records = [{"method": "password", "at": time.time()}]
    if proved:
        records.append({"method": "mfa", "type": "totp", "at": time.time()})
    session[AUTHENTICATION_METHODS_SESSION_KEY] = records
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return browser
