"""The commands an operator makes institutions and keys with."""

import uuid
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
