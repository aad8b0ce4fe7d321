"""Error reports leave without what they are about."""

import logging
from typing import Any

import pytest
import sentry_sdk
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from settings import sentry

CANARY = "canary-7f3a"

pytestmark = [pytest.mark.urls("tests.common.urls"), pytest.mark.django_db]


class Collected(Transport):
    """Keeps what would have left."""

    def __init__(self) -> None:
        super().__init__()
        self.envelopes: list[Envelope] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)

    def bytes(self) -> bytes:
        return b"".join(envelope.serialize() for envelope in self.envelopes)

    def event(self) -> dict[str, Any]:
        (event,) = [envelope.get_event() for envelope in self.envelopes if envelope.get_event()]
        assert event is not None
        return dict(event)


@pytest.fixture
def sent():
    transport = Collected()
    sentry.configure("https://key@sentry.invalid/1", environment="test", release="assay@test", transport=transport)
    yield transport
    sentry_sdk.get_client().close()
    sentry_sdk.init()


def serve(path: str, body: dict[str, str], headers: dict[str, str]) -> str:
    """One POST through the WSGI application itself, as a web server would send it; returns its status."""
    request = RequestFactory().post(path, body, content_type="application/json", headers=headers)
    statuses: list[str] = []
    WSGIHandler()(request.environ, lambda status, *_: statuses.append(status))  # type: ignore[arg-type]
    return statuses[0]


def test_without_a_dsn_nothing_is_set_up():
    sentry.configure("", environment="test", release="assay@test")

    assert not sentry_sdk.get_client().is_active()


def test_an_unexpected_error_is_reported_by_type_and_place_alone(sent):
    status = serve(
        f"/api/fail/{CANARY}?q={CANARY}",
        {"memo": CANARY},
        {"X-Request-ID": "r-1", "X-Other": CANARY, "Cookie": f"session={CANARY}", "Authorization": CANARY},
    )

    event = sent.event()
    assert status == "500 Internal Server Error"
    assert CANARY.encode() not in sent.bytes()
    assert event["exception"]["values"][0]["value"] == "RuntimeError"
    assert event["exception"]["values"][0]["stacktrace"]["frames"][-1]["function"] == "post"
    assert event["transaction"] == "/api/fail/{memo}"
    assert event["request"]["headers"] == {
        "X-Request-Id": "r-1",
        "Content-Type": "application/json",
        "Content-Length": "23",
    }


def test_a_logged_error_leaves_without_its_arguments(sent):
    logging.getLogger("third.party").error("could not read %s", CANARY, extra={"memo": CANARY})

    assert sent.event()["logentry"] == {"message": "could not read %s"}
    assert CANARY.encode() not in sent.bytes()


def test_breadcrumbs_keep_only_where_and_when(sent):
    logging.getLogger("third.party").info("read %s", CANARY)
    sentry_sdk.add_breadcrumb(category="query", message=CANARY, data={"memo": CANARY})
    sentry_sdk.capture_message("x" * 1000)

    event = sent.event()
    assert [crumb["category"] for crumb in event["breadcrumbs"]["values"]][-1] == "query"
    assert CANARY.encode() not in sent.bytes()
    assert event["message"] == "x" * 200


def test_users_extras_and_unknown_parts_stay(sent):
    sentry_sdk.set_user({"id": CANARY})
    sentry_sdk.set_context("chart", {"note": CANARY})
    sentry_sdk.get_current_scope().set_extra("celery-job", {"kwargs": CANARY})
    sentry_sdk.capture_event({"message": "m", "modules": {CANARY: "1"}, "new_part": CANARY, "server_name": CANARY})  # type: ignore[typeddict-unknown-key]

    assert CANARY.encode() not in sent.bytes()


def test_local_variables_and_messages_along_a_chain_stay(sent):
    try:
        memo = CANARY
        try:
            int(memo)
        except ValueError as cause:
            raise KeyError(memo) from cause
    except KeyError:
        sentry_sdk.capture_exception()

    assert [value["value"] for value in sent.event()["exception"]["values"]] == ["ValueError", "KeyError"]
    assert CANARY.encode() not in sent.bytes()


def test_transactions_leave_without_descriptions(sent):
    transaction = {
        "type": "transaction", "transaction": "/x", "contexts": {"trace": {"trace_id": "1", "data": {"q": CANARY}}},
        "spans": [{"op": "db", "span_id": "2", "description": f"SELECT '{CANARY}'", "data": {"q": CANARY}}],
    }  # fmt: skip

    assert sentry.scrubbed(transaction, {}) == {  # type: ignore[arg-type]
        "type": "transaction",
        "transaction": "/x",
        "contexts": {"trace": {"trace_id": "1"}},
        "spans": [{"op": "db", "span_id": "2"}],
    }
