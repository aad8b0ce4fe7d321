"""Institutions, and the keys their systems call with."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from apps.audit.models import AuditEvent
from apps.common.errors import InvalidInput
from apps.tenants import keys, services
from apps.tenants.models import ApiClient, ClientKey, Institution
from apps.tenants.querysets import ClientNotFound

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def bank():
    return services.create_institution(name="First Bank", kind="bank", actor="system", now=NOW)


def new_client(bank: Institution, mode: str = "test") -> tuple[ApiClient, str]:
    return services.create_client(institution=bank, name="core banking", mode=mode, now=NOW, actor="command:test")


@pytest.mark.parametrize("mode", ["test", "live"])
def test_a_key_says_its_mode_and_carries_256_random_bits(bank, mode):
    client, key = new_client(bank, mode)

    assert key.startswith(f"ak_{mode}_")
    assert len(key) == len(f"ak_{mode}_") + 43
    assert client.keys.get().prefix == key[:14]
    assert keys.authenticate_key(key, now=NOW) == client


def test_a_key_is_stored_nowhere(bank):
    client, key = new_client(bank)
    row = ClientKey.objects.filter(client=client).values().get()

    assert row["sha256"] == sha256(key.encode()).hexdigest()
    assert key not in str(row)


def test_keys_differ(bank):
    assert new_client(bank)[1] != new_client(bank)[1]


def test_whoever_authenticates_comes_with_the_institution_in_two_queries(bank, django_assert_num_queries):
    _, key = new_client(bank)
    keys.authenticate_key(key, now=NOW)

    with django_assert_num_queries(2):
        assert keys.authenticate_key(key, now=NOW).institution.name == "First Bank"


@pytest.mark.parametrize("key", ["", "x", "ak_live_" + "A" * 43, "\ud800", "\x00", "é" * 10_000])
def test_an_unknown_key_opens_nothing(bank, key, django_assert_num_queries):
    with django_assert_num_queries(2), pytest.raises(keys.KeyRefused, match="is not valid"):
        keys.authenticate_key(key, now=NOW)


def test_a_revoked_key_looks_like_an_unknown_one(bank, django_assert_num_queries):
    client, key = new_client(bank)
    services.revoke_client(client=client, now=NOW, actor="command:test")

    with django_assert_num_queries(2), pytest.raises(keys.KeyRefused, match="is not valid"):
        keys.authenticate_key(key, now=NOW)


def test_the_first_revocation_stays_on_record(bank):
    client, _ = new_client(bank)
    services.revoke_client(client=client, now=NOW)

    with pytest.raises(services.AlreadyRevoked):
        services.revoke_client(client=client, now=NOW + timedelta(days=1))

    client.refresh_from_db()
    assert client.revoked_at == NOW


def test_creation_and_revocation_are_audited(bank):
    client, _ = new_client(bank)
    services.revoke_client(client=client, now=NOW, actor="command:test")

    events = AuditEvent.objects.filter(subject_id=str(client.pk)).order_by("action")
    assert list(events.values_list("action", "actor", "subject_type", "institution", "at")) == [
        ("api_client.created", "command:test", "tenants.apiclient", bank.pk, NOW),
        ("api_client.revoked", "command:test", "tenants.apiclient", bank.pk, NOW),
    ]


@pytest.mark.parametrize(
    ("name", "kind", "pointer"),
    [("", "bank", "/name"), ("  ", "bank", "/name"), ("x" * 201, "bank", "/name"), ("x", "shop", "/kind")],
)
def test_an_institution_that_cannot_be_is_refused(name, kind, pointer):
    with pytest.raises(InvalidInput) as refused:
        services.create_institution(name=name, kind=kind, actor="system", now=NOW)

    assert refused.value.pointer == pointer
    assert Institution.objects.count() == 0


def test_names_of_institutions_are_unique(bank):
    with pytest.raises(services.NameTaken):
        services.create_institution(name=" First Bank ", kind="hospital", actor="system", now=NOW)

    assert Institution.objects.count() == 1
    assert AuditEvent.objects.filter(action="institution.created").count() == 1


@pytest.mark.parametrize(("name", "mode", "pointer"), [("", "test", "/name"), ("x", "prod", "/mode")])
def test_a_client_that_cannot_be_is_refused(bank, name, mode, pointer):
    with pytest.raises(InvalidInput) as refused:
        services.create_client(institution=bank, name=name, mode=mode, now=NOW)

    assert refused.value.pointer == pointer
    assert ApiClient.objects.count() == 0


def test_a_strangers_client_looks_like_a_missing_one(bank):
    client, _ = new_client(bank)
    stranger = services.create_institution(name="Other", kind="hospital", actor="system", now=NOW)

    with pytest.raises(ClientNotFound):
        ApiClient.objects.access(client.pk, institution=stranger)
    assert ApiClient.objects.access(client.pk, institution=bank) == client
