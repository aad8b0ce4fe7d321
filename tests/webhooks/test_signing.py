"""Signatures, as an independent library sees them."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from apps.webhooks.signing import body_of, secret_of, signed_headers

MESSAGE = UUID("0f3a0c5e-8f6b-4f1e-9e55-6a0a6f1d2b3c")
OLD, NEW = secret_of(b"o" * 32), secret_of(b"n" * 32)
BODY = body_of(
    event_type="batch.completed", occurred_at=datetime(2026, 11, 23, 12, tzinfo=UTC), data={"batch_id": "b-1"}
)


def headers(*secrets: str) -> dict[str, str]:
    return signed_headers(message_id=MESSAGE, body=BODY, secrets=secrets, sent_at=datetime.now(UTC))


def test_a_message_is_a_type_a_time_and_identifiers():
    assert BODY == b'{"type":"batch.completed","timestamp":"2026-11-23T12:00:00Z","data":{"batch_id":"b-1"}}'


def test_the_reference_library_verifies_a_message():
    assert Webhook(NEW).verify(BODY, headers(NEW))["data"] == {"batch_id": "b-1"}


@pytest.mark.parametrize("known", [OLD, NEW])
def test_during_a_rotation_either_secret_verifies(known: str):
    assert Webhook(known).verify(BODY, headers(NEW, OLD))


def test_a_changed_body_does_not_verify():
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY.replace(b"b-1", b"b-2"), headers(NEW))


def test_a_changed_id_does_not_verify():
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY, headers(NEW) | {"webhook-id": "msg_other"})


@pytest.mark.parametrize("size", [0, 23, 65])
def test_a_secret_of_the_wrong_size_is_refused(size: int):
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        secret_of(b"x" * size)


def test_a_known_vector():
    sent_at = datetime.fromtimestamp(1614265330, tz=UTC)

    signed = signed_headers(
        message_id=UUID(int=0), body=b'{"test": 2432232314}', secrets=[secret_of(bytes(range(24)))], sent_at=sent_at
    )

    assert signed["webhook-id"] == "msg_00000000000000000000000000000000"
    assert signed["webhook-timestamp"] == "1614265330"
    assert signed["webhook-signature"].startswith("v1,")
