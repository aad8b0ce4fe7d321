"""Probes and metrics."""

import pytest
from django.db import connections


def test_a_live_process_says_so_without_asking_anybody(client, django_assert_num_queries):
    answer = client.get("/livez")

    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


@pytest.mark.django_db
def test_ready_while_postgresql_and_redis_answer(client):
    answer = client.get("/readyz")

    assert answer.status_code == 200
    assert answer.json() == {"status": "ready", "checks": {"postgresql": "ok", "walls": "off", "redis": "ok"}}


@pytest.mark.django_db
@pytest.mark.parametrize("url", ["unix:///nowhere/redis.sock", "redis://127.0.0.1:1/0"])
def test_without_redis_still_ready_but_degraded(client, settings, url):
    settings.REDIS_URL = url
    answer = client.get("/readyz")

    assert answer.status_code == 200
    checks = {"postgresql": "ok", "walls": "off", "redis": "unavailable"}
    assert answer.json() == {"status": "degraded", "checks": checks}


@pytest.fixture
def postgresql_away(db):
    whole = connections["default"]
    connections["default"] = whole.copy()
    connections["default"].settings_dict = whole.settings_dict | {"OPTIONS": {}, "HOST": "/nowhere"}
    yield
    connections["default"] = whole


def test_without_postgresql_not_ready(client, postgresql_away):
    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["checks"] == {"postgresql": "unavailable", "walls": "unknown", "redis": "ok"}


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics"])
@pytest.mark.django_db
def test_probes_come_by_any_name_and_without_tls(client, settings, path):
    settings.SECURE_SSL_REDIRECT = True

    assert client.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


@pytest.mark.django_db
def test_metrics_time_requests_by_route_and_hold_no_path(client):
    client.get("/account/locked/", headers={"X-Request-ID": "r-1"})
    client.get("/api/v1/patients/canary-7f3a")
    client.generic("CANARY", "/api/v1/x")
    text = client.get("/metrics").content.decode()

    assert 'http_server_request_duration_seconds_count{method="GET",route="account/locked/",status="200"}' in text
    assert '{method="GET",route="unmatched",status="404"}' in text
    assert '{method="OTHER",route="unmatched",status="404"}' in text
    assert "canary" not in text.lower()
