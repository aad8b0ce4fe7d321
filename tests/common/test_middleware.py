"""What happens around every request."""

import json
import uuid

import pytest

pytestmark = pytest.mark.django_db


def test_a_request_id_is_kept_and_sent_back(client):
    assert client.get("/api/schema", headers={"X-Request-ID": "bank-42:7"})["X-Request-ID"] == "bank-42:7"


@pytest.mark.parametrize("offered", ["", "a b", "x" * 129, 'a"b', "é", "a\x00b", "a;b"])
def test_a_request_id_that_could_confuse_the_logs_is_replaced(client, offered):
    given = client.get("/api/schema", headers={"X-Request-ID": offered})["X-Request-ID"]

    assert str(uuid.UUID(given)) == given


def test_one_log_line_names_request_route_and_time_but_no_path(client, caplog):
    client.get("/api/v1/patients/canary-7f3a?name=canary", headers={"X-Request-ID": "r-1"})

    (line,) = [record.msg for record in caplog.records if record.name == "apps.common.middleware"]
    assert (line["event"], line["request_id"], line["route"]) == ("request.answered", "r-1", "unmatched")
    assert (line["status"], line["method"], line["logger"]) == (404, "GET", "apps.common.middleware")
    assert "canary" not in json.dumps([str(record.msg) for record in caplog.records])


def test_no_answer_goes_without_secure_headers(client):
    answer = client.get("/api/schema")

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert "geolocation=()" in answer["Permissions-Policy"]
    assert answer["Cache-Control"] == "no-store"


def test_a_page_may_load_its_own_files_and_no_inline_script(client):
    policy = client.get("/admin/login/")["Content-Security-Policy"]

    assert policy.startswith("default-src 'self';")
    assert "script-src" not in policy


def test_nothing_of_one_request_is_left_for_the_next(client, caplog):
    client.get("/api/schema", headers={"X-Request-ID": "r-1"})
    client.get("/api/schema", headers={"X-Request-ID": "r-2"})

    lines = [record.msg for record in caplog.records if record.name == "apps.common.middleware"]
    assert [line["request_id"] for line in lines] == ["r-1", "r-2"]
