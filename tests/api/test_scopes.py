"""A caller does what it was granted, and nothing else."""

from datetime import UTC, datetime

import pytest
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient

from apps.api.views import ApiView
from apps.tenants.scopes import SCOPES
from apps.tenants.services import create_client

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
ECHO = "/api/test/echo"


def served(patterns):
    for pattern in patterns:
        view = getattr(getattr(pattern, "callback", None), "view_class", None)
        if isinstance(pattern, URLPattern) and isinstance(view, type) and issubclass(view, ApiView):
            yield view
        yield from served(getattr(pattern, "url_patterns", ()))


@pytest.fixture
def reader(bank):
    _, key = create_client(institution=bank, name="reader", mode="test", now=NOW, scopes=["risk.read"])
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {key}")


def test_every_view_says_what_each_of_its_methods_takes():
    views = set(served(get_resolver("settings.urls").url_patterns))
    methods = {(view, name.upper()) for view in views for name in view.http_method_names if hasattr(view, name)}
    silent = [(view.__name__, name) for view, name in methods if name not in {*view.required_scopes, "OPTIONS"}]

    assert len(views) >= 7
    assert silent == []


def test_every_scope_that_a_view_takes_exists():
    views = set(served(get_resolver("settings.urls").url_patterns))
    taken = {name for view in views for names in view.required_scopes.values() for name in names}

    assert taken <= SCOPES.keys()


@pytest.mark.urls("tests.api.urls")
def test_what_was_granted_is_allowed(reader):
    assert reader.get(ECHO).status_code == 200
    assert reader.head(ECHO).status_code == 200
    assert reader.options(ECHO).status_code == 200


@pytest.mark.urls("tests.api.urls")
def test_what_was_not_granted_is_refused_by_name(reader):
    answer = reader.post(ECHO, b"{}", content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert answer["WWW-Authenticate"] == 'Bearer realm="assay", error="insufficient_scope", scope="risk.write"'


@pytest.mark.urls("tests.api.urls")
def test_a_view_that_does_not_say_is_open_to_nobody(api):
    assert api.get("/api/test/undeclared").status_code == 403


@pytest.mark.urls("tests.api.urls")
def test_a_method_nobody_serves_is_not_a_matter_of_scopes(reader):
    assert reader.delete(ECHO).status_code == 405
