"""Refusals as gRPC says them: the same problems as REST's, with google.rpc's details."""

import grpc
from django.utils.translation import gettext as _
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from apps.api.problems import Problem, problem_of
from apps.common import context
from apps.common.errors import DomainError

DOMAIN = "assay"


class DeadlinePassed(DomainError):
    """The call's deadline has come before its answer."""

    code = "deadline_exceeded"

    def __init__(self) -> None:
        super().__init__(_("The call's deadline has passed."))


class HungUp(DomainError):
    """The caller cancelled the call."""

    code = "cancelled"

    def __init__(self) -> None:
        super().__init__(_("The call was cancelled."))


GRPC_CODE_OF_STATUS: dict[int, int] = {
    400: code_pb2.INVALID_ARGUMENT,
    401: code_pb2.UNAUTHENTICATED,
    403: code_pb2.PERMISSION_DENIED,
    404: code_pb2.NOT_FOUND,
    409: code_pb2.FAILED_PRECONDITION,
    413: code_pb2.INVALID_ARGUMENT,
    422: code_pb2.INVALID_ARGUMENT,
    429: code_pb2.RESOURCE_EXHAUSTED,
    503: code_pb2.UNAVAILABLE,
}
OF_PROBLEM: dict[str, int] = {  # where HTTP's status says less
    "deadline_exceeded": code_pb2.DEADLINE_EXCEEDED,
    "cancelled": code_pb2.CANCELLED,
    "idempotency_key_in_use": code_pb2.ABORTED,  # as google.rpc has it: the client is to try the whole again
}


def problem_or_fault(exc: Exception) -> Problem:
    """What to tell the caller; of what is nobody's business but ours, that it was recorded."""
    detail = _("An unexpected error was recorded under this request's id.")
    return problem_of(exc) or Problem(status=500, code="internal_error", detail=detail)


def status_of(problem: Problem) -> status_pb2.Status:
    """The problem as google.rpc.Status: ErrorInfo always, BadRequest by field, RetryInfo where waiting helps."""
    code = OF_PROBLEM.get(problem.code, GRPC_CODE_OF_STATUS.get(problem.status, code_pb2.INTERNAL))
    info = error_details_pb2.ErrorInfo(
        reason=problem.code.upper(), domain=DOMAIN, metadata={"request_id": context.request_id()}
    )
    details = [_packed(info)]
    if problem.errors:
        details.append(_packed(_bad_request(problem)))
    if problem.retry_after_s is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(1000 * problem.retry_after_s))
        details.append(_packed(error_details_pb2.RetryInfo(retry_delay=delay)))
    return status_pb2.Status(code=code, message=problem.detail, details=details)


def name_of(status: status_pb2.Status) -> str:
    """The status as metrics and logs call it, e.g. ``NOT_FOUND``."""
    return str(code_pb2.Code.Name(status.code))


OK, CANCELLED = grpc.StatusCode.OK.name, grpc.StatusCode.CANCELLED.name


def _bad_request(problem: Problem) -> error_details_pb2.BadRequest:
    violations = [
        error_details_pb2.BadRequest.FieldViolation(
            field=error.pointer, description=error.detail, reason=error.code.upper()
        )
        for error in problem.errors
    ]
    return error_details_pb2.BadRequest(field_violations=violations)


def _packed(detail: error_details_pb2.ErrorInfo) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
