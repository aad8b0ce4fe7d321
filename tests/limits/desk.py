"""A WSGI application behind the real gate and the real server, for tests of connections."""

from collections.abc import Callable, Iterable
from typing import Any

import django

django.setup()

from apps.api.limits.gate import INSTITUTION, Gate  # noqa: E402 - after Django's settings are there


def desk(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Reads the body, as slowly as it comes; ``Bearer known`` belongs to an institution."""
    if environ.get("HTTP_AUTHORIZATION") == "Bearer known":
        environ[INSTITUTION] = "known"
    environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"read"]


application = Gate(desk, bound=32)
