"""The operators' pages of institutions and clients."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.tenants.keys import KeyRefused, authenticate_key
from apps.tenants.models import User
from apps.tenants.services import create_client, create_institution
from tests.people.door import inside

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def row(db):
    bank = create_institution(name="First Bank", kind="bank", actor="system", now=NOW)
    client, key = create_client(institution=bank, name="core", mode="live", now=NOW)
    return {"bank": bank, "client": client, "key": key}


@pytest.mark.parametrize(
    "model", ["tenants_institution", "tenants_apiclient", "tenants_clientkey", "tenants_user", "audit_auditevent"]
)
def test_lists_open(admin_client, row, model):
    assert admin_client.get(reverse(f"admin:{model}_changelist")).status_code == 200


def test_a_client_is_shown_without_its_digest(admin_client, row):
    page = admin_client.get(reverse("admin:tenants_apiclient_change", args=[row["client"].pk])).content.decode()

    assert row["client"].keys.get().prefix in page
    assert row["client"].keys.get().sha256 not in page


def revoke(http, model, row):
    url = reverse(f"admin:tenants_{model}_changelist")
    return http.post(url, {"action": "revoke", "index": "0", "_selected_action": [str(row.pk)]}, follow=True)


def test_a_client_is_revoked_by_hand_and_that_is_on_record(admin_client, row):
    assert "Revoked: 1." in revoke(admin_client, "apiclient", row["client"]).content.decode()
    assert "Revoked: 0." in revoke(admin_client, "apiclient", row["client"]).content.decode()

    with pytest.raises(KeyRefused):
        authenticate_key(row["key"], now=timezone.now())
    assert AuditEvent.objects.get(action="api_client.revoked").actor.startswith("user:")


def test_a_key_is_revoked_by_hand(admin_client, row):
    assert "Revoked: 1." in revoke(admin_client, "clientkey", row["client"].keys.get()).content.decode()

    with pytest.raises(KeyRefused):
        authenticate_key(row["key"], now=timezone.now())


def test_whoever_has_not_shown_a_second_factor_revokes_nothing(row):
    half = inside(User.objects.create_user("half", is_staff=True), proved=False)
    revoke(half, "apiclient", row["client"])

    assert authenticate_key(row["key"], now=timezone.now()) == row["client"]


@pytest.mark.parametrize("model", ["tenants_institution", "tenants_apiclient", "audit_auditevent"])
def test_nothing_is_added_by_hand(admin_client, row, model):
    assert admin_client.get(reverse(f"admin:{model}_add")).status_code == 403


def test_nothing_is_deleted_by_hand(admin_client, row):
    url = reverse("admin:tenants_apiclient_delete", args=[row["client"].pk])

    assert admin_client.post(url, {"post": "yes"}).status_code == 403


def test_strangers_are_sent_to_sign_in(client, row):
    answer = client.get(reverse("admin:tenants_apiclient_changelist"))

    assert answer["Location"] == "/account/sign-in/?next=%2Fadmin%2Ftenants%2Fapiclient%2F"
