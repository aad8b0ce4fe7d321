"""Every address that reads a body says how long it may be, and refuses a longer one before reading it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import URLResolver, get_resolver

from apps.api.views import ApiView
from tests.riskscore.makers import bank, key_of

MOST_BYTES = 64 * 1024 * 1024  # of any body: a batch of 100,000 rows

UNUSUAL = {"/api/v1/batches": ("/api/v1/batches?type=risk.assessments", "application/x-ndjson")}


def views(resolver: URLResolver, before: str = "/") -> list[tuple[str, Any]]:
    """Every view of the API with its path."""
    found: list[tuple[str, Any]] = []
    for pattern in resolver.url_patterns:
        path = before + str(pattern.pattern)
        view: Any = getattr(getattr(pattern, "callback", None), "cls", None)
        if isinstance(pattern, URLResolver):
            found += views(pattern, path)
        elif view is not None and issubclass(view, ApiView):
            found.append((path, view))
    return found


READING = [(path, view) for path, view in views(get_resolver()) if hasattr(view, "post") or hasattr(view, "put")]


@pytest.mark.parametrize(("path", "view"), READING)
def test_every_body_is_bounded(path, view):
    assert 0 < view.max_body_bytes <= MOST_BYTES


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "view"), [(path, view) for path, view in READING if "<" not in path])
def test_a_longer_body_is_refused_before_it_is_read(path, view):
    caller = Client(headers={"Authorization": f"Bearer {key_of(bank())[1]}", "Idempotency-Key": "k"})
    send = caller.post if hasattr(view, "post") else caller.put
    url, media_type = UNUSUAL.get(path, (path, "application/json"))

    answer = send(url, b"{}", content_type=media_type, CONTENT_LENGTH=str(view.max_body_bytes + 1))

    assert answer.status_code == 413
