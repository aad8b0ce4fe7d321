"""History over REST."""

import json

import pytest

from riskscore.models import Account, Event
from tests.riskscore.makers import bank, key_of, payload
from tests.riskscore.rest import post

pytestmark = pytest.mark.django_db
URL = "/api/v1/events"


@pytest.fixture
def key():
    return key_of(bank())[1]


def lines(*documents):
    return "\n".join(each if isinstance(each, str) else json.dumps(each) for each in documents)


def post_lines(key, *documents):
    return post(key, URL, lines(*documents), content_type="application/x-ndjson")


@pytest.mark.parametrize(
    ("body", "stored"), [(payload(), ["tx-000081"]), ([payload(id="a"), payload(id="b")], ["a", "b"])]
)
def test_one_event_or_a_list_is_stored_and_not_scored(key, body, stored):
    response = post(key, URL, body)

    assert (response.status_code, response.json()) == (202, {"accepted": len(stored), "duplicates": 0, "rejected": []})
    assert [each.external_id for each in Event.objects.order_by("sequence")] == stored


def test_every_line_stands_for_itself(key):
    response = post_lines(
        key,
        payload(id="a"),
        "{",
        "",
        payload(id="b", amount="-1"),
        payload(id="a"),
        payload(id="a", amount="1.00"),
        payload(id="c", device={"screen": "wide"}),
        '{"id": "d", "id": "e"}',
    )

    answer = response.json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert [(each["line"], each["pointer"]) for each in answer["rejected"]] == [
        (2, ""),
        (4, "/amount"),
        (6, "/id"),
        (7, "/device/screen"),
        (8, ""),
    ]
    assert Event.objects.get().external_id == "a"


def test_a_repeated_backfill_stores_nothing_twice(key):
    first = post_lines(key, payload(id="a"), payload(id="b"))
    again = post_lines(key, payload(id="a"), payload(id="b"))

    assert (first.json()["accepted"], again.json()["accepted"], again.json()["duplicates"]) == (2, 0, 2)
    assert Account.objects.get().event_count == 2


def test_more_lines_than_are_read_are_refused_whole(key):
    response = post_lines(key, *["{}"] * 10_001)

    assert (response.status_code, response.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("body", ["5", '"text"', "null", "{}", json.dumps(payload(amount=-1))])
def test_a_single_event_that_cannot_be_taken_is_refused(key, body):
    assert post(key, URL, body).status_code == 422
    assert Event.objects.count() == 0


def test_a_single_event_told_differently_before_is_refused(key):
    post(key, URL, payload())

    response = post(key, URL, payload(amount="1.00"))

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (409, "/id")
    assert str(Event.objects.get().amount) == "249.9000"


@pytest.mark.parametrize("body", ["[[]]", "[null]", "[5]", "[{}]"])
def test_what_is_no_event_is_rejected_by_line(key, body):
    response = post(key, URL, body)

    assert (response.status_code, response.json()["accepted"]) == (202, 0)
    assert {each["line"] for each in response.json()["rejected"]} == {1}


def test_without_a_key_nothing_is_read(key):
    response = post("ak_test_wrong", URL, payload())

    assert (response.status_code, Event.objects.count()) == (401, 0)
