"""The admin's pages show risk, and change nothing."""

import pytest
from django.core.management import call_command

from apps.tenants.models import Institution
from riskscore.models import RulesetVersion, ThresholdsVersion
from riskscore.services import request_assessment
from tests.riskscore.makers import NOW, bank, client_of, event

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("name", ["riskassessment", "label", "listentry", "rulesetversion", "thresholdsversion"])
def test_every_list_opens_for_an_operator(admin_client, name):
    assert admin_client.get(f"/admin/riskscore/{name}/").status_code == 200


def test_an_assessment_is_shown_and_cannot_be_changed(admin_client):
    assessment, _ = request_assessment(client=client_of(bank()), event=event(), deadline_s=60, now=NOW)
    page = f"/admin/riskscore/riskassessment/{assessment.pk}/change/"

    assert admin_client.get(page).status_code == 200
    assert admin_client.post(page, {"outcome": "approve"}).status_code == 403


def test_a_bank_is_prepared_once_however_often_it_is_asked_for():
    call_command("seed_bank", "First Bank")
    call_command("seed_bank", "First Bank")

    assert [each.name for each in Institution.objects.all()] == ["First Bank"]
    assert (RulesetVersion.objects.get().version, ThresholdsVersion.objects.get().version) == (1, 1)
