"""Where a web request's scope begins and ends."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse

from apps.common import scope
from apps.common.scope import Scope

Answer = Callable[[HttpRequest], HttpResponse]


class ScopeMiddleware:
    """Every request begins as nobody's, and leaves nothing behind in its thread.

    An answer that is made while it is sent goes on in the scope in which it was begun.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request, and end its scope."""
        with scope.entered(scope.NOBODY):
            response: Any = self.get_response(request)
            if response.streaming and not response.is_async:
                response.streaming_content = _within(scope.current(), response.streaming_content)
            return response  # type: ignore[no-any-return]


def _within(begun_in: Scope, parts: Iterable[bytes]) -> Iterator[bytes]:
    parts = iter(parts)
    while True:
        with scope.entered(begun_in):
            part = next(parts, None)
        if part is None:
            return
        yield part
