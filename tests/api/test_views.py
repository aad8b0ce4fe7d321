"""What every endpoint does without being told."""

import json

import pytest
from rest_framework.test import APIClient

pytestmark = [pytest.mark.urls("tests.api.urls"), pytest.mark.django_db]

ECHO = "/api/test/echo"


def test_a_body_comes_in_as_json_and_goes_out_as_json(api):
    answer = api.post(ECHO, b'{"amount": 12.50}', content_type="application/json")

    assert answer.status_code == 200
    assert answer.json() == {"document": {"amount": 12.5}, "wait_s": 1.0}
    assert answer["Content-Type"] == "application/json"
    assert answer["Server-Timing"] == "queue;dur=3.1"


def test_the_caller_is_the_client_of_its_institution(api, bank, bank_client):
    assert api.get(ECHO).json() == {"client": str(bank_client[0].pk), "institution": str(bank.pk)}


@pytest.mark.parametrize("body", [b"", b"null x", b"[" * 100])
def test_a_bad_body_is_a_problem(api, body):
    answer = api.post(ECHO, body, content_type="application/json")

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


def test_a_body_above_the_cap_is_not_read(api):
    answer = api.post(ECHO, b'"' + b"x" * 1024 * 1024 + b'"', content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


def test_a_body_above_djangos_own_cap_is_refused_alike(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 10
    answer = api.post(ECHO, b'"xxxxxxxxxxxxx"', content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_other_media_types_are_refused(api, media_type):
    answer = api.generic("POST", ECHO, b"{}", content_type=media_type)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


def test_a_body_in_chunks_is_told_to_bring_its_length(api):
    answer = api.post(ECHO, b"", content_type="application/json", headers={"Transfer-Encoding": "chunked"})

    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_a_compressed_body_is_refused(api):
    answer = api.post(ECHO, b"{}", content_type="application/json", headers={"Content-Encoding": "gzip"})

    assert answer.status_code == 415


def test_a_representation_nobody_offers_is_a_problem(api):
    answer = api.get(ECHO, headers={"Accept": "text/csv"})

    assert (answer.status_code, answer["Content-Type"]) == (406, "application/problem+json")


def test_a_method_nobody_offers_is_a_problem(api):
    answer = api.delete(ECHO)

    assert (answer.status_code, answer["Allow"]) == (405, "GET, POST, HEAD, OPTIONS")


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer ak_live_unknown", "Bearer \u00e9\u0000", "Basic eDp5"]
)
def test_without_a_valid_key_nothing_is_answered(header):
    headers = {} if header is None else {"HTTP_AUTHORIZATION": header}
    answer = APIClient(**headers).post(ECHO, b"{", content_type="application/json")

    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith('Bearer realm="assay"')
    assert answer["Content-Type"] == "application/problem+json"


def test_who_brings_a_key_that_opens_nothing_is_told_so():
    answer = APIClient(HTTP_AUTHORIZATION="Bearer ak_live_unknown").get(ECHO)

    assert answer["WWW-Authenticate"] == 'Bearer realm="assay", error="invalid_token"'


@pytest.mark.parametrize(
    ("path", "status"), [("/api/nothing", 404), ("/api/v1/nothing/here", 404), ("/api/schema/x", 404)]
)
def test_an_unknown_address_is_a_problem(api, path, status):
    answer = api.get(path)

    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["instance"] == path


def test_an_unknown_page_outside_of_the_api_is_a_page(client):
    assert client.get("/nothing")["Content-Type"] == "text/html; charset=utf-8"


def test_errors_speak_the_callers_language_and_keep_their_code(api):
    answer = api.get("/api/nothing", headers={"Accept-Language": "zh-hans"})

    assert json.loads(answer.content)["code"] == "not_found"
