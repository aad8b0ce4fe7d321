"""Callers of the gRPC server, as systems of institutions are."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import grpc
from django.utils import timezone
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from apps.tenants.models import Institution
from apps.tenants.services import create_client
from riskscore.api.examples import EVENT
from riskscore.rpc import risk_scoring_pb2 as scoring

ASSESS = "/assay.v1.RiskScoring/Assess"


class Bank:
    """A bank, its key, and what it asks for.

    Attributes:
        headers: initial and trailing metadata of its latest call.
    """

    def __init__(self, channel: grpc.Channel, *, name: str = "First Bank", scopes: Sequence[str] | None = None) -> None:
        self.institution = Institution.objects.create(name=name, kind=Institution.Kind.BANK)
        self.client, self.key = create_client(
            institution=self.institution, name="core", mode="test", now=timezone.now(), scopes=scopes
        )
        self.headers: dict[str, str | bytes] = {}
        self._assess = channel.unary_unary(
            ASSESS,
            request_serializer=scoring.AssessRequest.SerializeToString,
            response_deserializer=scoring.Assessment.FromString,
        )

    def assess(self, told: dict[str, Any] | None = None, *, timeout: float | None = 10.0, **metadata: str) -> Any:
        """Ask for an assessment; keyword arguments are metadata, with ``_`` for ``-``. Raises grpc.RpcError."""
        request = json_format.ParseDict(payload() if told is None else told, scoring.AssessRequest())
        answer, call = self._assess.with_call(request, timeout=timeout, metadata=self.metadata(**metadata))
        self.headers = dict((*call.initial_metadata(), *call.trailing_metadata()))
        return answer

    def begin(self, told: dict[str, Any] | None = None, *, timeout: float | None = 10.0, **metadata: str) -> Any:
        """The same, as a call under way that can be cancelled."""
        request = json_format.ParseDict(payload() if told is None else told, scoring.AssessRequest())
        return self._assess.future(request, timeout=timeout, metadata=self.metadata(**metadata))

    def metadata(self, **metadata: str) -> tuple[tuple[str, str | bytes], ...]:
        """What it sends beside a message: its key and an idempotency key, unless said otherwise."""
        sent = {"authorization": f"Bearer {self.key}", "idempotency_key": "k-1"} | metadata
        return tuple((name.replace("_", "-"), value) for name, value in sent.items() if value)


def payload(**changes: Any) -> dict[str, Any]:
    """The example of the OpenAPI page, some minutes ago."""
    return EVENT | {"occurred_at": "2026-11-23T09:41:07Z"} | changes


def until(condition: Callable[[], bool]) -> bool:
    """Whether it comes true within twenty seconds."""
    end = time.monotonic() + 20.0
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def refusal(error: Any) -> tuple[str, str]:
    """A refused call's status code and our own name of the reason."""
    return error.value.code().name, _detail(error.value, error_details_pb2.ErrorInfo()).reason


def violations(error: Any) -> list[tuple[str, str]]:
    """Place and reason of each field at fault."""
    found = _detail(error.value, error_details_pb2.BadRequest())
    return sorted((violation.field, violation.reason) for violation in found.field_violations)


def retry_s(error: Any) -> float:
    """After how many seconds to try again."""
    return float(_detail(error.value, error_details_pb2.RetryInfo()).retry_delay.ToTimedelta().total_seconds())


def _detail(error: Any, wanted: Message) -> Any:
    status = rpc_status.from_call(error)
    assert status is not None
    packed = next(detail for detail in status.details if detail.Is(wanted.DESCRIPTOR))
    packed.Unpack(wanted)
    return wanted
