"""Pages of a list that grows while it is read."""

import pytest
from django.core import signing

from apps.tenants.models import ApiClient
from apps.tenants.services import create_client
from tests.api.conftest import NOW

pytestmark = [pytest.mark.urls("tests.api.urls"), pytest.mark.django_db]

URL = "/api/test/clients"


@pytest.fixture
def five(api, bank, bank_client):
    for name in ["b", "c", "d", "e"]:
        create_client(institution=bank, name=name, mode="test", now=NOW)
    return api


def test_pages_show_every_row_once_newest_first(five):
    first = five.get(URL, {"limit": 2}).json()
    second = five.get(first["next"]).json()
    third = five.get(second["next"]).json()

    assert first["results"] + second["results"] + third["results"] == ["e", "d", "c", "b", "core banking"]
    assert (first["previous"], third["next"]) == (None, None)


def test_rows_of_the_same_moment_are_not_lost(five):
    ApiClient.objects.update(created_at=NOW)
    first = five.get(URL, {"limit": 3}).json()
    second = five.get(first["next"]).json()

    assert sorted(first["results"] + second["results"]) == ["b", "c", "core banking", "d", "e"]


@pytest.mark.parametrize("limit", ["0", "-1", "201", "x", "", "1.0", "\u0663", "9" * 5000, "0000005000"])
def test_a_limit_that_makes_no_sense_is_refused(api, limit):
    answer = api.get(URL, {"limit": limit})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_page")


@pytest.mark.parametrize("cursor", ["", "x", "cD1nYXJiYWdl", "a:b", "\u0000", "é:ü"])
def test_a_forged_cursor_is_refused(api, cursor):
    answer = api.get(URL, {"cursor": cursor})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_page")


def test_a_cursor_of_another_list_is_refused(api):
    stolen = signing.Signer(salt="apps.api.pagination:/api/test/other").sign_object(["x", 0, False])

    assert api.get(URL, {"cursor": stolen}).status_code == 400
