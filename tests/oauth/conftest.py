"""A bank, and systems of it that use OAuth."""

from datetime import UTC, datetime

import pytest

from apps.oauth.services import register_application
from apps.tenants.services import create_client, create_institution, register_client
from tests.oauth.signing import ec_key, key_set, rsa_key

NOW = datetime(2026, 11, 24, 3, tzinfo=UTC)


@pytest.fixture(scope="session")
def ec():
    return ec_key()


@pytest.fixture(scope="session")
def rsa():
    return rsa_key()


@pytest.fixture
def bank(db):
    return create_institution(name="First Bank", kind="bank", actor="system", now=NOW)


@pytest.fixture
def with_secret(bank):
    """A client whose API key is its secret, and that key."""
    client, key = create_client(institution=bank, name="core", mode="test", now=NOW, scopes=["risk.read", "risk.write"])
    register_application(client=client, now=NOW)
    return client, key


@pytest.fixture
def with_keys(bank, ec, rsa):
    """A client that signs assertions with one of two keys."""
    client = register_client(institution=bank, name="signing", mode="test", now=NOW, scopes=["risk.read", "audit.read"])
    register_application(client=client, jwks=key_set(ec, rsa), now=NOW)
    return client
