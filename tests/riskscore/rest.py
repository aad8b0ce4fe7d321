"""Calling the API as a bank's system does, behind both walls: each request runs as the web process's role."""

from typing import Any

from django.test import Client

from tests.walls import as_application


def post(key: str, url: str, body: Any, *, content_type: str = "application/json", **headers: str) -> Any:
    """POST with a key; ``idempotency_key`` and ``prefer`` among the headers."""
    sent = {"Authorization": f"Bearer {key}", "Idempotency-Key": "k-1", "Prefer": "wait=0"}
    sent |= {name.replace("_", "-").title(): value for name, value in headers.items()}
    with as_application():
        return Client(headers=sent).post(url, body, content_type=content_type)


def get(key: str, url: str, **query: Any) -> Any:
    """GET with a key."""
    with as_application():
        return Client(headers={"Authorization": f"Bearer {key}"}).get(url, query)


def put(key: str, url: str, body: Any) -> Any:
    """PUT with a key."""
    with as_application():
        return Client(headers={"Authorization": f"Bearer {key}"}).put(url, body, content_type="application/json")
