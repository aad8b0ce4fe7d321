"""Risk over gRPC: the same value into the same service as REST's view, and the same document back."""

from django.utils import timezone
from django.utils.translation import gettext as _
from google.protobuf import json_format
from google.protobuf.message import Message

from apps.api.limits.policies import Kind
from apps.api.parsers import MalformedBody, loads
from apps.rpc.calls import Call
from apps.rpc.errors import DeadlinePassed, HungUp
from apps.rpc.methods import Method
from riskscore import services
from riskscore.api.answers import assessment_document
from riskscore.api.serializers import DEFAULT_DEADLINE_MS, LONGEST_DEADLINE_MS, AssessmentRequestSerializer
from riskscore.rpc import risk_scoring_pb2 as messages


def assess(call: Call, request: messages.AssessRequest) -> messages.Assessment:
    """Assess an event by the call's deadline.

    Raises:
        UnprocessableBody, MalformedBody: the event is none; every field at fault is named, as over REST.
        EventDiffers: the event's id was used before for something else.
        DeadlinePassed: the deadline came first; the rules' answer is stored and found by a repeated call.
        HungUp: the caller cancelled; so is the assessment.
    """
    deadline_s = call.deadline_s(default=DEFAULT_DEADLINE_MS / 1000, longest=LONGEST_DEADLINE_MS / 1000)
    told = loads(_json(request))
    assessment, created = services.assess_event(
        client=call.client,
        event=AssessmentRequestSerializer(data=told, context={"now": timezone.now()}).event(),
        deadline_s=deadline_s,
        wait_s=deadline_s,
        clock=timezone.now,
        caller=call.caller,
    )
    if call.is_late:
        raise DeadlinePassed
    if call.caller.has_gone:
        raise HungUp
    document = assessment_document(assessment)
    if not created:  # which noted itself
        call.note_read("risk_assessment.read", assessment, document)
    return json_format.ParseDict(document, messages.Assessment())


def location(assessment: messages.Assessment) -> str:
    """REST's address of an assessment."""
    return f"/api/v1/risk/assessments/{assessment.id}"


def methods() -> tuple[Method, ...]:
    """What risk scoring offers over gRPC."""
    return (
        Method(
            service="assay.v1.RiskScoring",
            name="Assess",
            request=messages.AssessRequest,
            response=messages.Assessment,
            scopes=("risk.write",),
            limited_as=Kind.SCORING,
            answer=assess,
            location=location,
        ),
    )


def _json(request: Message) -> bytes:
    """The message as REST's body would say it. Raises MalformedBody for a time that is none."""
    try:
        return json_format.MessageToJson(request, preserving_proto_field_name=True, indent=None).encode()
    except (json_format.Error, ValueError):
        raise MalformedBody(_("This is not a time."), code="invalid", pointer="/occurred_at") from None
