"""Assessments as a list, their labels, and what an institution decides in advance, over REST."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from riskscore.models import Label, RiskAssessment, RulesetVersion, ThresholdsVersion
from riskscore.rules import DEFAULT_DOCUMENT
from riskscore.services import request_assessment, score_assessment
from tests.engines import ScriptedEngine
from tests.riskscore.makers import NOW, RELEASE, bank, event, key_of
from tests.riskscore.rest import get, post, put

pytestmark = pytest.mark.django_db(transaction=True)
URL = "/api/v1/risk/assessments"


@pytest.fixture
def caller():
    return key_of(bank())


def assessed(client, number, logit=-3.0, *, account="acc-1"):
    """An assessment, the ``number``-th minute."""
    now = NOW + timedelta(minutes=number)
    told = event(f"tx-{number}", account=account)
    assessment = request_assessment(client=client, event=told, deadline_s=60, now=now)[0]
    engine = ScriptedEngine({"fraud": [0.0, logit]})
    score_assessment(job_id=assessment.job_id, engine=engine, release=RELEASE, clock=lambda: now)
    return assessment


def ids(response):
    return [each["event"]["id"] for each in response.json()["results"]]


def test_the_latest_come_first_page_by_page(caller):
    client, key = caller
    for number in range(5):
        assessed(client, number)

    first = get(key, URL, limit=2)
    second = get(key, first.json()["next"])

    assert (ids(first), ids(second)) == (["tx-4", "tx-3"], ["tx-2", "tx-1"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"outcome": "decline"}, ["tx-2"]),
        ({"risk_level": "elevated"}, ["tx-1"]),
        ({"anomaly_type": "none"}, ["tx-2", "tx-1", "tx-0"]),
        ({"anomaly_type": "app_scam"}, []),
        ({"account": "acc-2"}, ["tx-1"]),
        ({"min_score": "0.25"}, ["tx-2", "tx-1"]),
        ({"created_after": (NOW + timedelta(minutes=1)).isoformat()}, ["tx-2", "tx-1"]),
        ({"created_before": (NOW + timedelta(minutes=1)).isoformat()}, ["tx-0"]),
        ({"degraded": "true"}, []),
        ({"outcome": "decline", "account": "acc-2"}, []),
    ],
)
def test_filters_narrow_the_list(caller, query, found):
    client, key = caller
    assessed(client, 0)
    assessed(client, 1, -1.0, account="acc-2")
    assessed(client, 2, 5.0)

    assert ids(get(key, URL, **query)) == found


@pytest.mark.parametrize("query", [{"outcome": "maybe"}, {"colour": "red"}, {"min_score": "2"}, {"min_score": "NaN"}])
def test_a_filter_that_makes_no_sense_is_refused(caller, query):
    response = get(caller[1], URL, **query)

    assert response.status_code == 422
    assert [error["pointer"] for error in response.json()["errors"]] == [f"/{next(iter(query))}"]


@pytest.mark.parametrize("count", [1, 20])
def test_a_page_costs_the_same_queries_whatever_its_length(caller, count, django_assert_num_queries):
    client, key = caller
    for number in range(count):
        assessed(client, number)
    get(key, URL)  # the first call of an hour notes that the key was used

    with django_assert_num_queries(4):
        assert len(ids(get(key, URL))) == count


def test_a_page_shows_what_one_assessment_shows(caller):
    client, key = caller
    assessment = assessed(client, 0)

    assert get(key, URL).json()["results"] == [get(key, f"{URL}/{assessment.pk}").json()]


def test_feedback_is_kept_beside_what_was_told_before(caller):
    client, key = caller
    url = f"{URL}/{assessed(client, 0).pk}/feedback"

    first = post(key, url, {"verdict": "legitimate", "reported_by": "customer"}, idempotency_key="k-1")
    body = {"verdict": "fraud", "reported_by": "chargeback", "anomaly_type": "card_testing"}
    second = post(key, url, body, idempotency_key="k-2")

    assert (first.status_code, second.status_code) == (201, 201)
    assert list(Label.objects.order_by("recorded_at").values_list("verdict", "anomaly_type")) == [
        ("legitimate", ""),
        ("fraud", "card_testing"),
    ]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"verdict": "dubious", "reported_by": "customer"}, "/verdict"),
        ({"verdict": "fraud"}, "/reported_by"),
        ({"verdict": "fraud", "reported_by": "customer", "labelled_at": "2999-01-01T00:00:00Z"}, "/labelled_at"),
    ],
)
def test_feedback_that_makes_no_sense_is_refused(caller, body, pointer):
    client, key = caller
    response = post(key, f"{URL}/{assessed(client, 0).pk}/feedback", body)

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    assert Label.objects.count() == 0


def test_thresholds_hold_from_the_next_assessment_on(caller):
    client, key = caller
    before = assessed(client, 0)

    body = {"review": 0.01, "block_and_review": "0.02", "decline": 0.03}
    response = put(key, "/api/v1/risk/thresholds", body)
    after = assessed(client, 1)

    shown = [get(key, f"{URL}/{each.pk}").json() for each in (before, after)]
    assert [each["outcome"] for each in shown] == ["approve", "decline"]
    assert [each["versions"]["thresholds"] for each in shown] == ["default-2026-11-23", "1"]
    assert response.json() == get(key, "/api/v1/risk/thresholds").json()
    assert AuditEvent.objects.get(action="risk.thresholds.set").actor == f"client:{client.pk}"


@pytest.mark.parametrize(
    "body", [{"review": 0.5, "block_and_review": 0.4, "decline": 0.9}, {"review": 0.5}, {"review": "high"}, []]
)
def test_thresholds_that_make_no_sense_are_refused(caller, body):
    response = put(caller[1], "/api/v1/risk/thresholds", body)

    assert (response.status_code, ThresholdsVersion.objects.count()) == (422, 0)


def test_rules_hold_from_the_next_assessment_on(caller):
    client, key = caller
    when = {"field": "amount", "op": ">", "value": 20}
    rule = {"id": "any", "name": "Any", "when": when, "effect": {"outcome": "decline"}, "reason": "It is above 20."}

    response = put(key, "/api/v1/risk/ruleset", {"rules": [rule]})
    shown = get(key, f"{URL}/{assessed(client, 0).pk}").json()

    assert (response.status_code, response.json()["version"]) == (200, "1")
    assert (shown["outcome"], shown["versions"]["ruleset"]) == ("decline", "1")
    assert [hit["text"] for hit in shown["rule_hits"]] == ["It is above 20."]


def test_a_rule_set_is_refused_where_it_goes_wrong(caller):
    response = put(caller[1], "/api/v1/risk/ruleset", {"rules": [{"id": "x"}]})

    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, "/rules/0/name")
    assert RulesetVersion.objects.count() == 0


def test_the_starting_rules_can_be_read_changed_and_sent_back(caller):
    document = get(caller[1], "/api/v1/risk/ruleset").json()

    assert document.pop("version") == "default-2026-11-23"
    assert document == DEFAULT_DOCUMENT
    assert put(caller[1], "/api/v1/risk/ruleset", document).status_code == 200


def test_a_cancelled_assessment_says_so(caller):
    client, key = caller
    assessment = request_assessment(client=client, event=event(), deadline_s=60, now=timezone.now())[0]

    Client(headers={"Authorization": f"Bearer {key}"}).delete(f"/api/v1/operations/{assessment.job_id}")

    assert get(key, f"{URL}/{assessment.pk}").json()["status"] == "cancelled"
    assert RiskAssessment.objects.get().status == "pending"
