"""What a caller is told of its limits, and when it is told no."""

import json

import pytest
from django.test import Client

from apps.api.limits import limiter
from apps.api.limits.policies import Kind, read_limits
from riskscore.models import RiskAssessment
from tests.limits.makers import quotas
from tests.riskscore.makers import bank, key_of, payload
from tests.riskscore.rest import get, post

pytestmark = pytest.mark.django_db
URL, EVENTS = "/api/v1/risk/assessments", "/api/v1/events"


@pytest.fixture
def key() -> str:
    return key_of(bank())[1]


def test_every_answer_says_how_much_is_left(key, settings):
    settings.LIMITS = quotas(reads=10)

    answer = get(key, URL)

    assert answer["RateLimit-Policy"] == '"reads-client";q=10;w=60, "reads-institution";q=20;w=60'
    assert answer["RateLimit"].startswith('"reads-client";r=9;t=6')


def test_beyond_the_quota_is_a_problem_with_whole_seconds_to_wait(key, settings):
    settings.LIMITS = quotas(reads=2)
    answers = [get(key, URL) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json()["code"] == "rate_limited"
    assert 59 <= int(answers[2]["Retry-After"]) <= 65
    assert answers[2]["RateLimit"].startswith('"reads-client";r=0;t=')


def test_what_was_refused_stored_nothing(key, settings):
    settings.LIMITS = quotas(scoring=1)
    assert post(key, URL, payload(id="tx-1"), idempotency_key="k-1").status_code == 202

    assert post(key, URL, payload(id="tx-2"), idempotency_key="k-2").status_code == 429
    assert RiskAssessment.objects.count() == 1


def test_kinds_of_requests_are_counted_apart(key, settings):
    settings.LIMITS = quotas(reads=1, scoring=1)
    get(key, URL)

    assert post(key, URL, payload()).status_code == 202
    assert get(key, URL).status_code == 429


def test_clients_of_one_institution_share_what_it_may(settings):
    settings.LIMITS = quotas(reads=2)
    institution = bank()
    keys = [key_of(institution)[1] for _ in range(3)]

    statuses = [get(key, URL).status_code for key in keys for _ in range(2)]

    assert statuses == [200, 200, 200, 200, 429, 429]


def test_history_is_counted_by_the_row(key, settings):
    settings.LIMITS = quotas(history=3)
    two = "\n".join(json.dumps(payload(id=f"tx-{number}")) for number in range(2))

    first, second = (post(key, EVENTS, two, content_type="application/x-ndjson") for _ in range(2))

    assert (first.status_code, second.status_code) == (202, 429)
    assert first["RateLimit"].startswith('"history-client";r=1;')


def test_more_rows_than_are_allowed_at_all_is_no_matter_of_waiting(key, settings):
    settings.LIMITS = quotas(history=1)
    two = "\n".join(json.dumps(payload(id=f"tx-{number}")) for number in range(2))

    answer = post(key, EVENTS, two, content_type="application/x-ndjson")

    assert (answer.status_code, answer.json()["code"]) == (413, "more_than_allowed")


def test_without_redis_requests_are_answered_and_still_counted(key, settings, tmp_path):
    settings.LIMITS, settings.REDIS_URL = quotas(reads=4), f"unix://{tmp_path}/nothing.sock"
    limiter.limiter.cache_clear()

    statuses = [get(key, URL).status_code for _ in range(4)]

    limiter.limiter.cache_clear()
    assert statuses == [200, 200, 429, 429]


def test_an_address_that_tries_credentials_is_slowed_down(settings):
    settings.LIMITS = quotas(sign_in=2)
    answers = [Client().post("/oauth/token", {"grant_type": "client_credentials"}) for _ in range(3)]

    assert [answer.status_code == 429 for answer in answers] == [False, False, True]
    assert answers[2]["Retry-After"].isdecimal()
    assert answers[0]["RateLimit-Policy"] == '"sign-in";q=2;w=60'


def test_addresses_are_told_apart_by_the_proxy_we_trust_and_not_by_what_callers_write(settings):
    settings.LIMITS, settings.ALLAUTH_TRUSTED_PROXY_COUNT = quotas(sign_in=1), 1
    forwarded = ["1.1.1.1, 9.9.9.9", "2.2.2.2, 9.9.9.9", "1.1.1.1, 8.8.8.8"]

    statuses = [Client(headers={"X-Forwarded-For": told}).post("/oauth/token").status_code for told in forwarded]

    assert [status == 429 for status in statuses] == [False, True, False]


@pytest.mark.parametrize("given", [{"scorings": "1"}, {"scoring": "0"}, {"scoring": "many"}, {"scoring": "-1"}])
def test_limits_nobody_can_mean_stop_the_process(given):
    from django.core.exceptions import ImproperlyConfigured

    with pytest.raises(ImproperlyConfigured):
        read_limits(given)


def test_what_is_not_named_keeps_its_default():
    assert read_limits({"reads": "5"}) | {Kind.READS: 6000} == read_limits({})
