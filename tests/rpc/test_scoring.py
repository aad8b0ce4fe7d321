"""An assessment over gRPC is the one over REST."""

import grpc
import pytest
from google.protobuf import json_format

from apps.audit.models import AuditEvent
from apps.jobs.models import Job
from riskscore.models import Event, RiskAssessment
from tests.riskscore.rest import get
from tests.rpc.clients import payload, refusal, until, violations
from tests.rpc.workers import scoring


def actions() -> list[tuple[str, str]]:
    """What the trail says of acts on assessments and endpoints, in order."""
    kept = AuditEvent.objects.exclude(subject_type__startswith="tenants.").order_by("at", "pk")
    return list(kept.values_list("action", "outcome"))


def test_an_event_is_assessed_as_over_rest(bank):
    with scoring():
        assessment = bank.assess()

    shown = get(bank.key, f"/api/v1/risk/assessments/{assessment.id}").json()
    told = json_format.MessageToDict(assessment, preserving_proto_field_name=True)
    assert (assessment.status, assessment.degraded, assessment.event.id) == ("completed", False, "tx-000081")
    assert [told[name] for name in ("score", "outcome", "created_at")] == [
        shown[name] for name in ("score", "outcome", "created_at")
    ]
    assert told["versions"] == shown["versions"]
    assert set(shown) == {field.name for field in assessment.DESCRIPTOR.fields}


def test_every_act_is_in_the_trail(bank):
    with scoring():
        bank.assess()
        bank.assess()

    assert actions() == [
        ("risk_assessment.created", "success"),
        ("risk_assessment.completed", "success"),
        ("answer.replayed", "success"),
    ]


def test_a_repeated_call_gets_the_same_bytes_and_is_told_so(bank):
    with scoring():
        first = bank.assess().SerializeToString(deterministic=True)
        again = bank.assess().SerializeToString(deterministic=True)

    assert (again, bank.headers["idempotent-replayed"]) == (first, "true")
    assert RiskAssessment.objects.count() == 1


def test_a_key_with_another_event_is_refused(bank):
    with scoring():
        bank.assess()
        with pytest.raises(grpc.RpcError) as error:
            bank.assess(payload(id="tx-2"))

    assert refusal(error) == ("INVALID_ARGUMENT", "IDEMPOTENCY_KEY_REUSED")
    assert Event.objects.count() == 1


def test_a_call_without_a_key_is_refused(bank):
    with pytest.raises(grpc.RpcError) as error:
        bank.assess(idempotency_key="")

    assert refusal(error) == ("INVALID_ARGUMENT", "IDEMPOTENCY_KEY_MISSING")
    assert Event.objects.count() == 0


def test_every_field_at_fault_is_named_by_its_place(bank):
    with pytest.raises(grpc.RpcError) as error:
        bank.assess(payload(amount="-1", kind="gift", device={"screen": "big"}))

    assert refusal(error) == ("INVALID_ARGUMENT", "INVALID")
    assert violations(error) == [("/amount", "FORM"), ("/device/screen", "PATTERN"), ("/kind", "INVALID_CHOICE")]
    assert Event.objects.count() == 0


def test_a_refusal_leaves_the_key_free_for_the_corrected_event(bank):
    with pytest.raises(grpc.RpcError):
        bank.assess(payload(amount="much"))

    with scoring():
        assert bank.assess().status == "completed"


def test_past_the_deadline_of_the_call_the_job_has_expired(bank):
    with pytest.raises(grpc.RpcError) as error:
        bank.assess(timeout=0.4)

    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert ended() == ["expired"]
    assert RiskAssessment.objects.get().degraded_code == "deadline_exceeded"


def test_a_call_that_comes_too_late_stores_nothing(bank):
    with pytest.raises(grpc.RpcError) as error:
        bank.assess(timeout=0.01)

    assert error.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert Event.objects.count() == 0


def test_a_cancelled_call_cancels_the_job(bank):
    call = bank.begin(timeout=None)
    assert until(lambda: Job.objects.count() == 1)

    call.cancel()

    assert ended() == ["cancelled"]


def ended() -> list[str]:
    """Where all jobs stand once none is open."""
    assert until(lambda: not Job.objects.exclude(status__in=Job.TERMINAL).exists())
    return list(Job.objects.values_list("status", flat=True))
