"""The walls of gRPC are those of REST."""

import json
import logging
from uuid import UUID

import grpc
import pytest
from django.utils import timezone

from apps.api.limits.policies import Kind
from apps.audit.models import AuditEvent
from apps.tenants.keys import revoke_key
from apps.tenants.models import ClientKey
from riskscore.models import Event
from tests.riskscore.rest import post
from tests.rpc.clients import ASSESS, Bank, payload, refusal, retry_s, until
from tests.rpc.workers import scoring


def refusals() -> list[tuple[str, str, str]]:
    """Who was refused, where, and why."""
    kept = AuditEvent.objects.filter(action="access.refused").order_by("at")
    return [(event.actor.split(":")[0], event.subject_id, event.details["code"]) for event in kept]


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "NOT_AUTHENTICATED"),
        ("Basic YTpi", "NOT_AUTHENTICATED"),
        ("Bearer ak_test_nobody", "KEY_REFUSED"),
        ("Bearer at_nobody", "TOKEN_REFUSED"),
    ],
)
def test_who_proves_nothing_is_refused(bank, authorization, code):
    with pytest.raises(grpc.RpcError) as error:
        bank.assess(authorization=authorization)

    assert refusal(error) == ("UNAUTHENTICATED", code)
    assert Event.objects.count() == 0


def test_a_revoked_key_is_out_at_the_next_call(bank):
    with scoring():
        bank.assess()
    revoke_key(key=ClientKey.objects.get(client=bank.client), now=timezone.now())

    with pytest.raises(grpc.RpcError) as error:
        bank.assess(payload(id="tx-2"), idempotency_key="k-2")

    assert refusal(error) == ("UNAUTHENTICATED", "KEY_REFUSED")


def test_a_scope_that_is_missing_is_named_and_the_refusal_kept(channel):
    reader = Bank(channel, scopes=["risk.read"])

    with pytest.raises(grpc.RpcError) as error:
        reader.assess()

    assert refusal(error) == ("PERMISSION_DENIED", "INSUFFICIENT_SCOPE")
    assert error.value.details() == "This takes the scope risk.write."
    assert refusals() == [("client", ASSESS[1:], "insufficient_scope")]


def test_both_doors_count_against_one_rate(bank, settings):
    settings.LIMITS = dict.fromkeys(Kind, 10**6) | {Kind.SCORING: 2}
    post(bank.key, "/api/v1/risk/assessments", payload(id="tx-2"))
    with scoring():
        bank.assess()
    left = bank.headers["ratelimit"]

    with pytest.raises(grpc.RpcError) as error:
        bank.assess(payload(id="tx-3"), idempotency_key="k-3")

    assert str(left).startswith('"scoring-client";r=0;')
    assert refusal(error) == ("RESOURCE_EXHAUSTED", "RATE_LIMITED")
    assert retry_s(error) > 0


def test_one_institution_leaves_others_room(channel):
    greedy, modest = Bank(channel), Bank(channel, name="Second Bank")
    for known in (greedy, modest):
        with scoring():
            known.assess()
    calls = [greedy.begin(payload(id=f"g-{n}"), idempotency_key=f"g-{n}", timeout=20.0) for n in range(8)]
    assert until(lambda: sum(call.done() for call in calls) == 5)

    with scoring():
        answer = modest.assess(payload(id="m-2"), idempotency_key="m-2")
        codes = sorted(call.code().name for call in calls)

    assert answer.status == "completed"
    assert codes == ["OK"] * 3 + ["RESOURCE_EXHAUSTED"] * 5


def test_a_key_used_over_rest_is_another_one_here(bank):
    body = payload()
    post(bank.key, "/api/v1/risk/assessments", body, idempotency_key="k-1")

    with scoring():
        assessment = bank.assess(body, idempotency_key="k-1")

    assert assessment.event.id == "tx-000081"
    assert "idempotent-replayed" not in bank.headers


def test_a_message_beyond_what_rest_reads_is_refused(bank):
    with pytest.raises(grpc.RpcError) as error:
        bank.assess(payload(country="x" * 1_100_000))

    assert error.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


def test_the_request_id_of_the_caller_is_kept_and_others_are_made_up(bank):
    with scoring():
        bank.assess(x_request_id="from-the-bank")
        kept = bank.headers["x-request-id"]
        bank.assess(x_request_id="4111111111111111")

    assert kept == "from-the-bank"
    assert UUID(str(bank.headers["x-request-id"])).version == 4


def test_a_chinese_caller_reads_chinese(bank):
    with pytest.raises(grpc.RpcError) as error:
        bank.assess(authorization="Bearer ak_test_nobody", accept_language="zh-CN")

    assert error.value.details() == "API 密钥无效。"


def test_the_log_names_the_call_and_nothing_of_what_it_said(bank, caplog):
    caplog.set_level(logging.INFO)
    with scoring():
        bank.assess(payload(account="acc-canary-7"))

    told = [record.getMessage() for record in caplog.records]
    assert any("call.answered" in line and ASSESS in line for line in told)
    assert "acc-canary-7" not in json.dumps(told)
