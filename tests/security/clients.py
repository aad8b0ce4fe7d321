"""Clients of two banks, to be attacked."""

from datetime import timedelta

from django.test import Client
from django.utils import timezone

from apps.oauth import services
from apps.tenants.services import create_client, create_institution, register_client, revoke_client
from tests.oauth.signing import ask, ec_key, key_set, rsa_key
from tests.security.forging import Form, World


def a_world() -> World:
    """Who there is."""
    now, ec, rsa, neighbours = timezone.now(), ec_key(), rsa_key(), ec_key("own")
    bank = create_institution(name="First Bank", kind="bank", actor="system", now=now)
    other = create_institution(name="Second Bank", kind="bank", actor="system", now=now)

    def signing(institution, name, *keys, **more):
        told = {"institution": institution, "name": name, "mode": "test", "scopes": ["risk.read"]}
        client = register_client(**told, now=now - timedelta(days=2), **more)
        services.register_application(client=client, jwks=key_set(*keys), now=now - timedelta(days=2))
        return client

    with_secret, secret = create_client(institution=bank, name="secret", mode="test", now=now)
    services.register_application(client=with_secret, now=now)
    revoked = signing(bank, "revoked", ec)
    revoke_client(client=revoked, now=now)
    return World(
        ours=str(signing(bank, "ours", ec, rsa).pk),
        ec=ec,
        rsa=rsa,
        neighbour=str(signing(bank, "neighbour", neighbours).pk),
        neighbours=neighbours,
        stranger=str(signing(other, "stranger", ec_key("ec-1")).pk),
        with_secret=str(with_secret.pk),
        secret=secret,
        revoked=str(revoked.pk),
        ended=str(signing(bank, "ended", ec, expires_at=now - timedelta(days=1)).pk),
    )


def outcome(http: Client, form: Form) -> tuple[int, str]:
    """What the token endpoint says to a form."""
    answer = ask(http, **form)
    return answer.status_code, answer.json().get("error", "")
