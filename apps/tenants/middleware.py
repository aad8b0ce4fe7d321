"""Where a web request's scope begins and ends."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.contrib.auth import SESSION_KEY
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


class PersonMiddleware:
    """A person who is signed in is in the scope of their institution, or operates the installation.

    Whoever is not signed in may do so: pages run where credentials can be seen, and nothing else. Systems
    do not sign in: below ``/api/`` nobody's scope stays in force until a key or a token has been looked at.
    """

    def __init__(self, get_response: Answer) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request as the person who asks."""
        if not request.path_info.startswith("/api/"):
            scope.enter(scope.SIGNING_IN)
            scope.enter(_of_person(request))
        return self.get_response(request)


def _of_person(request: HttpRequest) -> Scope:
    user = request.user if SESSION_KEY in request.session else None
    if user is None or not user.is_authenticated:
        return scope.SIGNING_IN
    if user.is_staff:
        return scope.OPERATOR
    institution_id = user.memberships.order_by("granted_at").values_list("institution_id", flat=True).first()
    return scope.NOBODY if institution_id is None else scope.of(institution_id)


def _within(begun_in: Scope, parts: Iterable[bytes]) -> Iterator[bytes]:
    parts = iter(parts)
    while True:
        with scope.entered(begun_in):
            part = next(parts, None)
        if part is None:
            return
        yield part
