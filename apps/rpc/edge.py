"""Around every call: its name in the logs, who calls, whether they may, how long it took, and what went wrong.

The same walls as REST's in the same order: room in this process, the credential, the scopes, the rates. From the
credential on PostgreSQL shows rows of the caller's institution and no others; what a call bound is gone at its end.
"""

import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import Any

import grpc
import structlog
from django.db import InterfaceError, OperationalError, connections
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from google.protobuf.message import Message
from grpc_status import rpc_status
from rest_framework.exceptions import NotAuthenticated

from apps.api.authentication import authenticated
from apps.api.limits import policies, requests
from apps.api.limits.door import Door, Reason
from apps.api.limits.limiter import limiter
from apps.api.limits.metrics import REFUSED
from apps.api.limits.parties import Parties, digest_of
from apps.api.once import Use, read_key
from apps.api.problems import Problem
from apps.api.scopes import InsufficientScope
from apps.audit import refusals
from apps.common import context as observed
from apps.common import scope
from apps.common.errors import Overloaded, Unavailable
from apps.common.middleware import REQUEST_ID
from apps.rpc import errors, metrics
from apps.rpc.calls import Call, address_of, endpoint_of, metadata_of
from apps.rpc.methods import Method

RETRY_S = 1.0
OF_ACCESS = frozenset({401, 403, 404})  # refusals that the trail keeps, as it does REST's

log = structlog.get_logger(__name__)


class Edge:
    """Makes methods of domains into handlers of a gRPC server. Safe from any thread."""

    def __init__(self, door: Door) -> None:
        """``door`` bounds the calls inside this process."""
        self._door = door
        self._parties = Parties()

    def handler(self, method: Method) -> "grpc.RpcMethodHandler[Any, Any]":
        """A handler that answers calls of a method."""
        make = grpc.unary_unary_rpc_method_handler if method.stream is None else grpc.unary_stream_rpc_method_handler
        behaviour = self._answer if method.stream is None else self._stream
        return make(
            partial(behaviour, method),
            request_deserializer=method.request.FromString,
            response_serializer=serialized,
        )

    def _answer(self, method: Method, request: Message, context: grpc.ServicerContext) -> Message:
        with self._call(method, context) as call:
            response = _once(call, request)
            context.set_trailing_metadata(tuple(call.trailing))
            return response

    def _stream(self, method: Method, request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
        assert method.stream is not None
        with self._call(method, context) as call:
            context.set_trailing_metadata(tuple(call.trailing))
            yield from method.stream(call, request)

    @contextmanager
    def _call(self, method: Method, context: grpc.ServicerContext) -> Iterator[Call]:
        metadata, begun, code, refused = metadata_of(context), time.perf_counter(), errors.CANCELLED, None
        _observe(metadata, context)
        try:
            with scope.entered(scope.NOBODY), translation.override(_language(metadata)):
                call: Call | None = None
                try:
                    with self._inside(metadata.get("authorization", "")) as credential:
                        call = self._known(method, metadata, context, credential)
                        _check(call)
                        yield call
                    code = errors.OK
                except Exception as raised:  # noqa: BLE001 - the outermost edge of a call
                    refused = errors.status_of(_refusal(raised, method, call))
                    code = errors.name_of(refused)
        finally:
            connections.close_all()
            _tell(method, code, time.perf_counter() - begun)
        if refused is not None:
            context.abort_with_status(rpc_status.to_status(refused))

    @contextmanager
    def _inside(self, authorization: str) -> Iterator[str]:
        """Room in this process for one more call, by institution; yields the credential's digest."""
        credential = digest_of(authorization)
        party = self._parties.of(credential)
        reason = self._door.enter(party)
        if reason is not None:
            REFUSED.labels(reason=reason, route="rpc").inc()
            raise _no_room(reason)
        metrics.IN_FLIGHT.set(self._door.total)
        try:
            yield credential
        finally:
            self._door.leave(party)
            metrics.IN_FLIGHT.set(self._door.total)

    def _known(
        self, method: Method, metadata: Mapping[str, str], context: grpc.ServicerContext, credential: str
    ) -> Call:
        """The call, of a caller who proved who they are. Raises NotAuthenticated or AuthenticationFailed."""
        scheme, _space, sent = metadata.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise NotAuthenticated
        client, granted = authenticated(sent.strip())
        scope.enter(scope.of(client.institution_id))
        observed.bind(client_id=str(client.pk), institution_id=str(client.institution_id))
        self._parties.learn(credential, str(client.institution_id))
        return Call(method=method, client=client, scopes=granted, metadata=metadata, context=context)


def serialized(response: Message) -> bytes:
    """A response as it is sent and kept: the same bytes for the same fields."""
    return response.SerializeToString(deterministic=True)


def _check(call: Call) -> None:
    """Whether a known caller may make the call, and make it now. Raises InsufficientScope or RateLimited."""
    if not call.scopes.issuperset(call.method.scopes):
        raise InsufficientScope(call.method.scopes)
    counts = limiter().spend(policies.of_client(call.client, call.method.limited_as))
    call.trailing += [(name.lower(), value) for name, value in requests.headers(counts).items()]
    requests.refuse(counts, route=call.method.path)


def _once(call: Call, request: Message) -> Message:
    """Answer, once for each key where the method asks for keys."""
    method = call.method
    assert method.answer is not None
    if method.location is None:
        return method.answer(call, request)
    key, body_sha256 = read_key(call.metadata.get("idempotency-key", "")), sha256(serialized(request)).hexdigest()
    with Use(client=call.client, operation=f"POST {method.path}", key=key, body_sha256=body_sha256).turn() as turn:
        if turn.is_answered:
            body = bytes(turn.record.body)
            call.note_read("answer.replayed", turn.record, body.hex())
            call.trailing.append(("idempotent-replayed", "true"))
            return method.response.FromString(body)
        response = method.answer(call, request)
        turn.keep(status=200, headers={}, body=serialized(response), location=method.location(response))
        return response


def _refusal(raised: Exception, method: Method, call: Call | None) -> Problem:
    """What to tell the caller; what is unexpected goes to the log, what concerns access to the trail."""
    problem = errors.problem_or_fault(raised)
    if isinstance(raised, (OperationalError, InterfaceError)):
        log.error("store.unavailable", error=type(raised).__name__)
    elif problem.status >= 500 and not isinstance(raised, Unavailable):
        log.error("call.failed", method=method.path, exc_info=raised)
    if problem.status in OF_ACCESS:
        _note(call, method, problem)
    return problem


def _note(call: Call | None, method: Method, problem: Problem) -> None:
    """Nothing was shown, so a trail that cannot be written does not change the answer."""
    try:
        if call is not None:
            call.note_refusal(code=problem.code, status=problem.status)
        else:
            refusals.note(code=problem.code, subject=endpoint_of(method), now=timezone.now())
    except (OperationalError, InterfaceError) as error:
        log.error("audit.refusal_not_recorded", error=type(error).__name__)  # noqa: TRY400 - no traceback needed


def _no_room(reason: Reason) -> Overloaded | Unavailable:
    if reason is Reason.FULL:
        full = Unavailable(_("Too many requests are being answered. Try again soon."), code="overloaded")
        full.retry_after_s = RETRY_S
        return full
    return Overloaded(_("Too many of your requests are being answered already."), retry_after_s=RETRY_S)


def _observe(metadata: Mapping[str, str], context: grpc.ServicerContext) -> None:
    offered = metadata.get("x-request-id", "")
    request_id = offered if REQUEST_ID.fullmatch(offered) else str(uuid.uuid4())
    observed.clear()
    observed.bind(request_id=request_id)
    observed.bind_address(address_of(context.peer()))
    context.send_initial_metadata((("x-request-id", request_id),))


def _language(metadata: Mapping[str, str]) -> str:
    return "zh-hans" if metadata.get("accept-language", "").lower().startswith("zh") else "en"


def _tell(method: Method, code: str, seconds: float) -> None:
    metrics.CALL_SECONDS.labels(method=method.path, code=code).observe(seconds)
    log.info("call.answered", method=method.path, code=code, ms=round(1000 * seconds, 1))
    observed.clear()
