"""Logs say where and which, never what."""

import io
import json
import logging

import pytest
import structlog
from rest_framework.test import APIClient

from apps.common import context
from settings.logging import configure

CANARY = "canary-7f3a"


@pytest.fixture
def line():
    """The last record, as the process would write it."""
    options = dict(configure("INFO")["formatters"]["json"])
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(options.pop("()")(**options))
    logging.getLogger().addHandler(handler)
    yield lambda: json.loads(written.getvalue().splitlines()[-1])
    logging.getLogger().removeHandler(handler)
    context.clear()


def failing() -> None:
    secret = CANARY  # noqa: F841 - a local variable that must stay local
    raise ValueError(CANARY)


def test_our_own_lines_are_json_with_what_is_bound(line):
    context.bind(request_id="r-1", job_id="j-1", client_id="c-1")
    structlog.get_logger("apps.test").info("thing.done", count=3)

    written = line()
    assert written.pop("timestamp").endswith("Z")
    assert written == {
        "event": "thing.done", "count": 3, "level": "info", "logger": "apps.test",
        "request_id": "r-1", "job_id": "j-1", "client_id": "c-1",
    }  # fmt: skip


def test_third_party_lines_look_the_same(line):
    context.bind(job_id="j-1")
    logging.getLogger("celery.worker").warning("took %s of %d", "a", 3)

    written = line()
    assert (written["event"], written["level"], written["job_id"]) == ("took a of 3", "warning", "j-1")


@pytest.mark.parametrize("log", [logging.getLogger("third.party"), structlog.get_logger("apps.test")])
def test_an_exception_shows_its_type_and_place_but_not_its_message(line, log):
    try:
        failing()
    except ValueError:
        log.exception("it failed")

    written = line()
    assert written["exception"][0]["type"] == "builtins.ValueError"
    assert written["exception"][0]["frames"][-1].endswith("failing")
    assert CANARY not in json.dumps(written)


def test_causes_are_followed(line):
    try:
        try:
            failing()
        except ValueError as cause:
            raise RuntimeError(CANARY) from cause
    except RuntimeError:
        logging.getLogger("x").exception("it failed")

    assert [link["type"] for link in line()["exception"]] == ["builtins.RuntimeError", "builtins.ValueError"]


def test_long_messages_are_cut(line):
    logging.getLogger("third.party").error("%s", "x" * 5000)

    assert line()["event"] == "x" * 500


@pytest.mark.urls("tests.common.urls")
@pytest.mark.django_db
def test_djangos_line_about_a_failed_request_names_no_path(line):
    APIClient(raise_request_exception=False).post(f"/api/fail/{CANARY}", {}, format="json")
    failed = logging.getLogger("django.request").makeRecord("django.request", 40, "", 1, "%s: %s", ("x", CANARY), None)

    assert logging.getLogger("django.request").filter(failed)
    assert failed.getMessage() == "request.failed"
    assert CANARY not in json.dumps(line())
