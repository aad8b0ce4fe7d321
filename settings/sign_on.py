"""Single sign-on by OpenID Connect, as the environment asks for it."""

from typing import Any

from django.core.exceptions import ImproperlyConfigured

from apps.people.admission import Admission
from settings.env import env

HINT = "write 'claim: value = Institution / role; value = Institution / role'"


def providers() -> dict[str, Any]:
    """allauth's setting: one provider where an issuer is named, none otherwise.

    Raises:
        ImproperlyConfigured: the issuer comes without a client.
    """
    issuer = env.str("ASSAY_OIDC_ISSUER", default="")
    if not issuer:
        return {}
    client_id = env.str("ASSAY_OIDC_CLIENT_ID", default="")
    if not client_id:
        raise ImproperlyConfigured("ASSAY_OIDC_ISSUER needs ASSAY_OIDC_CLIENT_ID beside it")
    app = {
        "provider_id": "sso",
        "name": "Single sign-on",
        "client_id": client_id,
        "secret": env.str("ASSAY_OIDC_CLIENT_SECRET", default=""),
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
    }
    return {"sso": {"APPS": [app]}}


def admission(written: str) -> Admission | None:
    """Whom the provider may make known by itself; nobody where nothing is written.

    Raises:
        ImproperlyConfigured: it cannot be understood.

    >>> admission("groups: fraud = First Bank / analyst; leads = First Bank / supervisor").roles["leads"]
    ('First Bank', 'supervisor')
    """
    if not written.strip():
        return None
    claim, colon, rules = written.partition(":")
    roles = dict(_rule(rule) for rule in rules.split(";") if rule.strip())
    if not colon or not claim.strip() or not roles:
        raise ImproperlyConfigured(f"ASSAY_OIDC_CREATE cannot be understood: {HINT}")
    return Admission(claim=claim.strip(), roles=roles)


def _rule(written: str) -> tuple[str, tuple[str, str]]:
    value, equals, place = written.partition("=")
    institution, slash, role = place.rpartition("/")
    if not (equals and slash and value.strip() and institution.strip() and role.strip()):
        raise ImproperlyConfigured(f"ASSAY_OIDC_CREATE cannot be understood: {HINT}")
    return value.strip(), (institution.strip(), role.strip())
