"""Signatures as Standard Webhooks 1.0.0 has them: ``v1``, HMAC-SHA256 over id, time and body."""

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from standardwebhooks import Webhook

PREFIX = "whsec_"
SECRET_BYTES = 32  # the specification asks for 24 to 64


def secret_of(entropy: bytes) -> str:
    """A secret as receivers take it. Raises ValueError for fewer than 24 bytes or more than 64."""
    if not 24 <= len(entropy) <= 64:
        raise ValueError("a secret has 24 to 64 bytes")
    return PREFIX + base64.b64encode(entropy).decode()


def message_name(message_id: UUID) -> str:
    """The ``webhook-id``: the same for every attempt at a message, and for its replay.

    >>> message_name(UUID("0f3a0c5e-8f6b-4f1e-9e55-6a0a6f1d2b3c"))
    'msg_0f3a0c5e8f6b4f1e9e556a0a6f1d2b3c'
    """
    return f"msg_{message_id.hex}"


def body_of(*, event_type: str, occurred_at: datetime, data: Mapping[str, Any]) -> bytes:
    """The payload: the same bytes every time."""
    moment = occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
    document = {"type": event_type, "timestamp": moment, "data": dict(data)}
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def signed_headers(*, message_id: UUID, body: bytes, secrets: Sequence[str], sent_at: datetime) -> dict[str, str]:
    """The headers of one attempt, signed with every secret that is valid, the newest first."""
    name, moment = message_name(message_id), sent_at.astimezone(UTC)
    signatures = [Webhook(secret).sign(msg_id=name, timestamp=moment, data=body.decode()) for secret in secrets]
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
