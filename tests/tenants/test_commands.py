"""The commands an operator makes institutions and keys with."""

import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.tenants.keys import KeyRefused, authenticate_key
from apps.tenants.models import ApiClient, Institution

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*arguments, stdout=out, stderr=err)
    return out.getvalue().strip(), err.getvalue().strip()


def test_an_institution_is_created_and_named_by_its_identifier():
    out, _ = run("create_institution", "First Bank", "--kind", "bank")

    assert Institution.objects.get(pk=out).kind == "bank"


def test_the_key_alone_goes_to_stdout_and_works():
    run("create_institution", "First Bank", "--kind", "bank")
    key, note = run("create_api_client", "First Bank", "core", "--mode", "live")

    client = authenticate_key(key, now=timezone.now())
    assert key.startswith("ak_live_")
    assert str(client.pk) in note
    assert key not in note


def test_a_revoked_client_is_out_at_once():
    run("create_institution", "First Bank", "--kind", "bank")
    key, _ = run("create_api_client", "First Bank", "core", "--mode", "test")
    out, _ = run("revoke_api_client", str(ApiClient.objects.get().pk))

    assert "revoked" in out
    with pytest.raises(KeyRefused):
        authenticate_key(key, now=timezone.now())
    assert AuditEvent.objects.filter(actor="command:revoke_api_client").count() == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["create_institution", " ", "--kind", "bank"], "1 to 200 characters"),
        (["create_institution", "First Bank", "--kind", "bank"], "carries this name"),
        (["create_institution", "x", "--kind", "shop"], "invalid choice: 'shop'"),
        (["create_institution", "x"], "required: --kind"),
        (["create_api_client", "Nobody", "core", "--mode", "test"], "no institution called 'Nobody'"),
        (["create_api_client", "First Bank", "core"], "required: --mode"),
        (["revoke_api_client", str(uuid.UUID(int=1))], "no API client"),
        (["revoke_api_client", "x"], "invalid UUID value"),
        (["create_api_client", "First Bank", "core", "--mode", "test", "--scope", "all"], "invalid choice: 'all'"),
        (["create_api_client", "First Bank", "core", "--mode", "test", "--days", "-1"], "ends in the future"),
        (["rotate_api_key", str(uuid.UUID(int=1))], "no API client"),
        (["revoke_api_key", "ak_live_nobody"], "0 keys go by this name"),
        (["revoke_api_key", str(uuid.UUID(int=1))], "0 keys go by this name"),
        (["allow_oauth", str(uuid.UUID(int=1))], "no API client"),
    ],
)
def test_a_mistake_is_explained(arguments, message):
    run("create_institution", "First Bank", "--kind", "bank")

    with pytest.raises(CommandError, match=message):
        run(*arguments)


def test_revoking_twice_is_explained():
    run("create_institution", "First Bank", "--kind", "bank")
    run("create_api_client", "First Bank", "core", "--mode", "test")
    run("revoke_api_client", str(ApiClient.objects.get().pk))

    with pytest.raises(CommandError, match="revoked before"):
        run("revoke_api_client", str(ApiClient.objects.get().pk))


def test_a_key_is_followed_by_another_while_both_are_good():
    run("create_institution", "First Bank", "--kind", "bank")
    old, _ = run("create_api_client", "First Bank", "core", "--mode", "test")
    client = ApiClient.objects.get()
    new, _ = run("rotate_api_key", str(client.pk), "--overlap-hours", "2")
    now = timezone.now()

    assert authenticate_key(new, now=now + timedelta(hours=3)) == client
    assert authenticate_key(old, now=now + timedelta(hours=1)) == client
    with pytest.raises(KeyRefused):
        authenticate_key(old, now=now + timedelta(hours=3))


def test_one_key_is_revoked_by_the_part_of_it_that_is_shown():
    run("create_institution", "First Bank", "--kind", "bank")
    old, _ = run("create_api_client", "First Bank", "core", "--mode", "test")
    new, _ = run("rotate_api_key", str(ApiClient.objects.get().pk))
    run("revoke_api_key", old[:14])

    assert authenticate_key(new, now=timezone.now()).name == "core"
    with pytest.raises(KeyRefused):
        authenticate_key(old, now=timezone.now())
    with pytest.raises(CommandError, match="revoked before"):
        run("revoke_api_key", old[:14])


def test_clients_are_listed_with_what_is_shown_of_their_keys():
    run("create_institution", "First Bank", "--kind", "bank")
    key, _ = run("create_api_client", "First Bank", "core", "--mode", "live", "--scope", "risk.read", "--days", "30")
    out, _ = run("list_api_clients", "First Bank")

    assert "First Bank: core (live), may call" in out
    assert "scopes risk.read\n" in out
    assert f"{key[:14]}… good, never used" in out
    assert key not in out


def test_a_client_may_go_without_a_key():
    run("create_institution", "First Bank", "--kind", "bank")
    out, _ = run("create_api_client", "First Bank", "signing", "--mode", "live", "--no-key")

    assert ApiClient.objects.get(pk=out).keys.count() == 0
