"""OAuth clients and tokens as operators see them."""

import pytest
from django.contrib import admin
from django.urls import reverse

from apps.oauth import services
from tests.oauth.conftest import NOW


@pytest.mark.parametrize("model", ["oauth_application", "oauth_accesstoken"])
def test_lists_open(admin_client, with_secret, model):
    services.issue_token(application=with_secret[0].application, token="at_x", scopes=(), lifetime_s=300, now=NOW)

    assert admin_client.get(reverse(f"admin:{model}_changelist")).status_code == 200


def test_a_client_is_shown_with_its_public_keys(admin_client, with_keys):
    url = reverse("admin:oauth_application_change", args=[with_keys.application.pk])

    assert "P-384" in admin_client.get(url).content.decode()


def test_a_token_is_shown_without_its_digest(admin_client, with_secret):
    row = services.issue_token(
        application=with_secret[0].application, token="at_x", scopes=("risk.read",), lifetime_s=300, now=NOW
    )
    page = admin_client.get(reverse("admin:oauth_accesstoken_change", args=[row.pk])).content.decode()

    assert "risk.read" in page
    assert row.token_checksum not in page


def test_what_the_library_brings_for_people_is_not_there():
    assert [model for model in admin.site._registry if model._meta.app_label == "oauth2_provider"] == []
