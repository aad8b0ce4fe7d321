"""Institutions, and the keys their systems call with."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from apps.audit.models import AuditEvent
from apps.common.errors import InvalidInput
from apps.tenants import keys, services
from apps.tenants.models import ApiClient, ClientKey, Institution
from apps.tenants.querysets import ClientNotFound, KeyNotFound

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


def test_a_client_and_its_keys_end_when_they_were_to(bank):
    client, key = services.create_client(
        institution=bank, name="guest", mode="test", now=NOW, expires_at=NOW + timedelta(days=1)
    )

    assert keys.authenticate_key(key, now=NOW + timedelta(hours=23)) == client
    with pytest.raises(keys.KeyRefused):
        keys.authenticate_key(key, now=NOW + timedelta(days=1))
    with pytest.raises(keys.ClientGone):
        keys.issue_key(client=client, now=NOW + timedelta(days=1))


def test_a_new_key_never_makes_an_old_one_last_longer(bank):
    client, _ = new_client(bank)
    first = client.keys.get()
    keys.issue_key(client=client, now=NOW, overlap=timedelta(hours=1))
    keys.issue_key(client=client, now=NOW, overlap=timedelta(days=1))

    first.refresh_from_db()
    assert first.expires_at == NOW + timedelta(hours=1)
    assert ClientKey.objects.filter(client=client).good(NOW + timedelta(hours=2)).count() == 2


def test_a_revoked_client_gets_no_key(bank):
    client, _ = new_client(bank)
    services.revoke_client(client=client, now=NOW)

    with pytest.raises(keys.ClientGone):
        keys.issue_key(client=client, now=NOW)
    assert client.keys.count() == 1


def test_a_key_is_revoked_and_the_others_stay(bank):
    client, old = new_client(bank)
    _, new = keys.issue_key(client=client, now=NOW)
    keys.revoke_key(key=client.keys.get(prefix=old[:14]), now=NOW, actor="command:test")

    assert keys.authenticate_key(new, now=NOW) == client
    with pytest.raises(keys.KeyRefused):
        keys.authenticate_key(old, now=NOW)
    assert AuditEvent.objects.filter(action="api_key.revoked", actor="command:test").count() == 1


def test_use_is_noted_to_the_hour_and_written_once_an_hour(bank, django_assert_num_queries):
    client, key = new_client(bank)
    with django_assert_num_queries(3):
        keys.authenticate_key(key, now=NOW + timedelta(minutes=1))
    with django_assert_num_queries(2):
        keys.authenticate_key(key, now=NOW + timedelta(minutes=59))

    assert client.keys.get().last_used_at == NOW


@pytest.mark.parametrize("scopes", [[], ["risk.read", "everything"]])
def test_scopes_that_do_not_exist_are_refused(bank, scopes):
    with pytest.raises(InvalidInput) as refused:
        services.create_client(institution=bank, name="x", mode="test", now=NOW, scopes=scopes)

    assert refused.value.pointer == "/scopes"


def test_scopes_are_kept_once_and_in_order(bank):
    asked = ["risk.write", "risk.read", "risk.write"]
    client, _ = services.create_client(institution=bank, name="x", mode="test", now=NOW, scopes=asked)

    assert client.scopes == ["risk.read", "risk.write"]


def test_a_strangers_key_looks_like_a_missing_one(bank):
    client, _ = new_client(bank)
    stranger = services.create_institution(name="Other", kind="hospital", actor="system", now=NOW)

    with pytest.raises(KeyNotFound):
        ClientKey.objects.access(client.keys.get().pk, institution=stranger)
    assert ClientKey.objects.access(client.keys.get().pk, institution=bank).client == client
