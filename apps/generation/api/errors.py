"""Refusals in OpenAI's shape, of the same problems as everywhere."""

from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import set_rollback

from apps.api.problems import Problem, log, problem_of
from apps.generation.following import NotWritten

TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}
STATUS_OF_END = {  # why a text was not written
    "deadline_exceeded": 408,  # the caller's own deadline; clients of OpenAI's try again
    "window_exceeded": 400,
    "invalid_request": 400,
    "cancelled": 409,
}


class ErrorSerializer(serializers.Serializer[Any]):
    """What OpenAI's clients read of a refusal."""

    message = serializers.CharField()
    type = serializers.CharField()
    param = serializers.CharField(allow_null=True, help_text="The member at fault.")
    code = serializers.CharField(help_text="A stable name; compare this.")


class RefusalSerializer(serializers.Serializer[Any]):
    """A refusal."""

    error = ErrorSerializer()


REFUSALS = dict.fromkeys((400, 401, 403, 404, 406, 408, 409, 411, 413, 415, 422, 429, 500, 503), RefusalSerializer)


def handle(exc: Exception, _context: dict[str, Any]) -> Response | None:
    """REST framework's exception handler for these endpoints; None where it is nobody's business but ours."""
    problem = problem_told(exc)
    if problem is None:
        return None
    set_rollback()
    if isinstance(exc, (OperationalError, InterfaceError)):
        log.error("store.unavailable", error=type(exc).__name__)
    return Response(document(problem), problem.status, headers=problem.response_headers())


def problem_told(exc: Exception) -> Problem | None:
    """The problem of an exception; of a text that was not written with the status of its reason."""
    if isinstance(exc, NotWritten):
        return Problem(status=STATUS_OF_END.get(exc.code, 503), code=exc.code, detail=exc.detail)
    return problem_of(exc)


def document(problem: Problem) -> dict[str, Any]:
    """A problem as OpenAI's clients read it: the first member at fault is named, and what is wrong with it."""
    kind = TYPES.get(problem.status, "invalid_request_error" if problem.status < 500 else "server_error")
    error = {"message": problem.detail, "type": kind, "param": None, "code": problem.code}
    if problem.errors:
        first = problem.errors[0]
        param = first.pointer.removeprefix("/").replace("/", ".")
        error |= {"message": _refusal_of(param, first.detail), "param": param, "code": first.code}
        error |= {"code": "unknown_parameter"} if first.code == "unknown" else {}
    return {"error": error}


def _refusal_of(param: str, detail: str) -> str:
    return _("%(name)s: %(detail)s") % {"name": param, "detail": detail} if param else detail
