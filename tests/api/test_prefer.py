"""How long a caller is willing to wait."""

import pytest
from django.test import RequestFactory

from apps.api.prefer import preferred_wait_s


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 1.0),
        ("", 1.0),
        ("wait=5", 5.0),
        ("Wait=5", 5.0),
        ('wait="5"', 5.0),
        ("wait = 5", 5.0),
        ("wait-ms=120", 0.12),
        ("wait=0", 0.0),
        ("wait=999", 30.0),
        ("wait=999999999999", 1.0),
        ("respond-async", 0.0),
        ("respond-async, wait=10", 10.0),
        ("wait=10; foo=bar, respond-async", 10.0),
        ("wait=3, wait=9", 3.0),
        ("return=minimal, wait=2", 2.0),
        ("wait=-1", 1.0),
        ("wait=1.5", 1.0),
        ("wait=NaN", 1.0),
        ("wait=\u0663", 1.0),
        ("wait", 1.0),
    ],
)
def test_the_prefer_header_bounds_the_wait(header, seconds):
    headers = {} if header is None else {"Prefer": header}

    assert preferred_wait_s(RequestFactory().post("/", headers=headers)) == seconds


def test_an_endpoint_sets_its_own_bounds():
    request = RequestFactory().post("/", headers={"Prefer": "wait=60"})

    assert preferred_wait_s(request, default=2.0, maximum=8.0) == 8.0
