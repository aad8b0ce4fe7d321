"""Every refusal as application/problem+json."""

import pytest
from rest_framework.exceptions import ErrorDetail

from apps.api.problems import FieldError, flattened

pytestmark = [pytest.mark.urls("tests.api.urls"), pytest.mark.django_db]

REQUIRED = ErrorDetail("This field is required.", code="required")


def pointers(detail: object) -> list[str]:
    return [error.pointer for error in flattened(detail)]


def test_a_problem_has_every_member(api):
    answer = api.get("/api/test/raise/invalid", headers={"X-Request-ID": "r-1"})

    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json() == {
        "type": "urn:assay:problem:no_such_day",
        "title": "The request cannot be carried out",
        "status": 422,
        "detail": "no such day",
        "instance": "/api/test/raise/invalid",
        "code": "no_such_day",
        "request_id": "r-1",
        "errors": [{"pointer": "/day", "code": "no_such_day", "detail": "no such day"}],
    }


@pytest.mark.parametrize(
    ("kind", "status", "retry_after"),
    [
        ("invalid", 422, None),
        ("not_found", 404, None),
        ("conflict", 409, None),
        ("overloaded", 429, "3"),
        ("unavailable", 503, "5"),
        ("store", 503, "5"),
        ("unexpected", 500, None),
    ],
)
def test_a_kind_of_error_has_a_status(api, kind, status, retry_after):
    answer = api.get(f"/api/test/raise/{kind}")

    assert (answer.status_code, answer.get("Retry-After")) == (status, retry_after)
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["store", "unexpected"])
def test_what_nobody_expected_is_not_told(api, kind):
    assert b"canary" not in api.get(f"/api/test/raise/{kind}").content


def test_errors_of_a_serializer_point_into_the_body(api):
    body = {"name": "much too long a name", "rows": [{"amount": "1"}, {"amount": "x"}, {}, 3], "device": {}}
    answer = api.post("/api/test/checked", body, format="json")

    assert answer.status_code == 400
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [
        ("/name", "max_length"),
        ("/rows/1/amount", "invalid"),
        ("/rows/2/amount", "required"),
        ("/rows/3", "invalid"),
        ("/device/amount", "required"),
    ]


@pytest.mark.parametrize("body", [b"[]", b"3", b'"text"', b"null", b"false"])
def test_a_body_that_is_no_object_is_refused_as_a_whole(api, body):
    answer = api.post("/api/test/checked", body, content_type="application/json")

    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "")


@pytest.mark.parametrize(
    ("detail", "expected"),
    [
        ({"rows": [{}, {"amount": [REQUIRED]}]}, ["/rows/1/amount"]),
        ({"rows": {1: {"amount": [REQUIRED]}}}, ["/rows/1/amount"]),
        ({"rows": {"non_field_errors": [REQUIRED]}}, ["/rows"]),
        ({"non_field_errors": [REQUIRED]}, [""]),
        ([REQUIRED], [""]),
        ([{"amount": [REQUIRED]}], ["/0/amount"]),
        ({"a/b": {"c~d": [REQUIRED]}}, ["/a~1b/c~0d"]),
        ({"tags": {0: [REQUIRED], 2: [REQUIRED]}}, ["/tags/0", "/tags/2"]),
    ],
)
def test_nested_errors_flatten_to_pointers(detail, expected):
    assert pointers(detail) == expected


def test_a_flat_error_keeps_its_code():
    assert list(flattened({"a": [REQUIRED]})) == [
        FieldError(pointer="/a", code="required", detail="This field is required.")
    ]
