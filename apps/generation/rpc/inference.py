"""Generation over gRPC: deltas while the text is written, then how it ended."""

from collections.abc import Iterator
from typing import Any

from django.utils import timezone
from google.protobuf import json_format

from apps.api.limits.policies import Kind
from apps.api.parsers import loads
from apps.generation.api.serializers import DEFAULT_DEADLINE_S, LONGEST_DEADLINE_S, GenerateSerializer
from apps.generation.following import NotWritten, pieces
from apps.generation.models import Generation
from apps.generation.rpc import inference_pb2 as messages
from apps.rpc.calls import Call
from apps.rpc.errors import DeadlinePassed, HungUp
from apps.rpc.methods import Method


def generate(call: Call, request: messages.GenerateRequest) -> Iterator[messages.GenerateResponse]:
    """Write a text by the call's deadline.

    Raises:
        UnprocessableBody, MalformedBody: every field at fault is named.
        NoSuchWriter: the model is none that generates.
        DeadlinePassed: the deadline came first; the job has expired.
        HungUp: the caller cancelled; so is the job.
    """
    deadline_s = call.deadline_s(default=DEFAULT_DEADLINE_S, longest=LONGEST_DEADLINE_S)
    told = loads(json_format.MessageToJson(request, preserving_proto_field_name=True, indent=None).encode())
    asked = GenerateSerializer(data=_plain(told)).asked()
    try:
        for part in pieces(
            client=call.client, asked=asked, deadline_s=deadline_s, clock=timezone.now, caller=call.caller
        ):
            yield _written(part) if isinstance(part, Generation) else messages.GenerateResponse(delta=part)
    except NotWritten:
        if call.is_late:
            raise DeadlinePassed from None
        if call.caller.has_gone:
            raise HungUp from None
        raise


def methods() -> tuple[Method, ...]:
    """What generation offers over gRPC."""
    return (
        Method(
            service="assay.v1.Inference",
            name="Generate",
            request=messages.GenerateRequest,
            response=messages.GenerateResponse,
            scopes=("inference.generate",),
            limited_as=Kind.GENERATION,
            stream=generate,
        ),
    )


def _plain(told: dict[str, Any]) -> dict[str, Any]:
    """JSON says 64-bit numbers as text."""
    return told | ({"seed": int(told["seed"])} if "seed" in told else {})


def _written(generation: Generation) -> messages.GenerateResponse:
    usage = messages.TokenUsage(
        prompt_tokens=generation.prompt_tokens,
        cached_tokens=generation.cached_tokens,
        completion_tokens=generation.completion_tokens,
    )
    model = messages.WritingModel(
        name=generation.model,
        digest=generation.model_digest,
        precision=generation.model_precision,
        kernels=generation.model_kernels,
    )
    written = messages.Written(id=str(generation.pk), finish_reason=generation.finish_reason, usage=usage, model=model)
    return messages.GenerateResponse(written=written)
