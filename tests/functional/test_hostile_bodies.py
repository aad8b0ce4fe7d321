"""Hostile bodies: every file of a JSON parsing test suite, and every naughty string in every text field.

No body may cost a 500, whatever is not JSON is refused with 400, and valid input still succeeds.
"""

import copy
import itertools
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from rest_framework.test import APIClient

from apps.tenants.services import create_client, create_institution
from riskscore.models import Event

folder = os.environ.get("ASSAY_REFERENCE_DATA")
pytestmark = [
    pytest.mark.skipif(folder is None, reason="ASSAY_REFERENCE_DATA names no folder with hostile bodies"),
    pytest.mark.urls("tests.api.urls"),
    pytest.mark.django_db,
]

FOLDER = Path(folder or ".") / "json"
ECHO = "/api/test/echo"
ASSESSMENTS = "/api/v1/risk/assessments"
EVENTS = "/api/v1/events"
NEW_KEY = itertools.count()

# Valid JSON that Assay does not take: keys told twice, text that PostgreSQL cannot store.
REFUSED_THOUGH_JSON = ["y_object_duplicated_key_and_value.json", "y_string_null_escape.json"]

FREE_TEXT = {
    ("id",): 64,
    ("account",): 64,
    ("counterparty", "id"): 64,
    ("device", "id"): 128,
    ("device", "browser"): 32,
    ("device", "language"): 35,
    ("reverses",): 64,
}  # fields that take any text, with their lengths

VALID: dict[str, Any] = {
    "id": "tx-1",
    "account": "acc-1",
    "kind": "card_payment",
    "channel": "ecommerce",
    "amount": "249.90",
    "currency": "EUR",
    "occurred_at": "2026-11-20T09:41:07Z",
    "country": "DE",
    "card": {"number": "4111 1111 1111 1111"},
    "counterparty": {"kind": "merchant", "id": "m-1", "category": "5732", "country": "NL"},
    "device": {
        "id": "fp-1", "platform": "android", "browser": "chrome", "screen": "412x915", "language": "de-DE",
        "ip_country": "DE", "network": "mobile",
    },
    "reverses": "",
}  # fmt: skip


@pytest.fixture
def api() -> APIClient:
    """Calls as a bank's system; answers 500 rather than raising."""
    now = datetime(2026, 11, 23, tzinfo=UTC)
    bank = create_institution(name="First Bank", kind="bank", actor="system", now=now)
    _, key = create_client(institution=bank, name="core banking", mode="test", now=now)
    return APIClient(raise_request_exception=False, HTTP_AUTHORIZATION=f"Bearer {key}", HTTP_PREFER="respond-async")


def post(api: APIClient, url: str, body: bytes) -> HttpResponse:
    key = f"key-{next(NEW_KEY)}"
    return api.post(url, body, content_type="application/json", headers={"Idempotency-Key": key})


def answers_to_files(api: APIClient, url: str) -> dict[str, int]:
    return {path.name: post(api, url, path.read_bytes()).status_code for path in sorted(FOLDER.glob("[niy]_*"))}


def naughty_strings() -> list[str]:
    strings: list[str] = json.loads((FOLDER / "naughty-strings.json").read_text())
    return strings


def fields_of(document: dict[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from fields_of(value, (*above, name))
        else:
            yield (*above, name)


def with_text(text: str, limits: dict[tuple[str, ...], int], *, number: int = 0) -> dict[str, Any]:
    """A valid body but for these fields, which hold as much of the text as their limit."""
    document = copy.deepcopy(VALID) | {"id": f"tx-{number}"}
    for *above, name in limits:
        inner = document
        for outer in above:
            inner = inner[outer]
        inner[name] = text[: limits[*above, name]]
    return document


def as_body(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "surrogatepass")


@pytest.mark.parametrize("url", [ECHO, ASSESSMENTS, EVENTS])
def test_whatever_is_not_json_is_refused_and_nothing_fails(api, url):
    answers = answers_to_files(api, url)

    assert len(answers) >= 150
    assert {name: status for name, status in answers.items() if status >= 500} == {}
    assert {name: status for name, status in answers.items() if name.startswith("n_") and status != 400} == {}
    assert post(api, url, as_body(VALID)).status_code in {200, 202}


def test_whatever_is_json_and_fits_in_postgresql_is_read(api):
    answers = answers_to_files(api, ECHO)

    refused = sorted(name for name, status in answers.items() if name.startswith("y_") and status != 200)
    assert refused == REFUSED_THOUGH_JSON


def test_no_naughty_string_in_all_fields_at_once_fails(api):
    """Every field is checked even where another is refused, so that one request tries them all."""
    limits = dict.fromkeys(fields_of(VALID), 10_000)
    answers = [post(api, ASSESSMENTS, as_body(with_text(text, limits))) for text in naughty_strings()]

    assert len(answers) == 515
    assert {answer.status_code for answer in answers} <= {400, 422}
    assert post(api, ASSESSMENTS, as_body(VALID)).status_code == 202


def test_naughty_strings_in_free_text_are_stored_as_told_or_refused(api):
    bodies = [with_text(text, FREE_TEXT) for text in naughty_strings()[::8]]  # the next test tries them all
    statuses = [post(api, ASSESSMENTS, as_body(body)).status_code for body in bodies]
    accepted = {body["id"] for body, status in zip(bodies, statuses, strict=True) if status == 202}

    assert set(statuses) <= {200, 202, 400, 409, 422}
    assert len(accepted) > 40
    assert {each.external_id for each in Event.objects.all()} == accepted


@pytest.mark.parametrize("field", list(fields_of(VALID)), ids="/".join)
def test_a_naughty_string_in_any_field_of_an_event_spoils_only_its_own(api, field):
    bodies = [with_text(text, {field: 10_000}, number=number) for number, text in enumerate(naughty_strings())]
    answer = post(api, EVENTS, as_body([*bodies, VALID | {"id": "the-valid-one"}]))

    told = json.loads(answer.content)
    assert answer.status_code == 202
    assert len({line["line"] for line in told["rejected"]}) + told["accepted"] + told["duplicates"] == 516
    assert [each.external_id for each in Event.objects.all()].count("the-valid-one") == 1
