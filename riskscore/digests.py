"""What sealed identifiers are found by. One purpose each, so that no two kinds can be compared."""

from uuid import UUID

from apps.common.encryption import keyed_digest
from riskscore.events import CounterpartyKind
from riskscore.lists import ListKind


def account_digest(institution_id: UUID, reference: str) -> bytes:
    """Of an account's reference; the subject of erasure and of legal holds."""
    return keyed_digest(institution_id, "account", reference)


def counterparty_digest(institution_id: UUID, kind: CounterpartyKind | str, reference: str) -> bytes:
    """Of a counterparty, whose references are told apart by kind."""
    return keyed_digest(institution_id, "counterparty", f"{kind}:{reference}")


def device_digest(institution_id: UUID, fingerprint: str) -> bytes:
    """Of a device's fingerprint."""
    return keyed_digest(institution_id, "device", fingerprint)


def event_digest(institution_id: UUID, external_id: str) -> bytes:
    """Of the bank's own identifier of an event."""
    return keyed_digest(institution_id, "event", external_id)


def content_digest(institution_id: UUID, content_sha256: bytes) -> bytes:
    """Of an event as told. Keyed, because what it says could be guessed and tried against a plain digest."""
    return keyed_digest(institution_id, "event.content", content_sha256.hex())


def listed_digest(institution_id: UUID, kind: ListKind | str, value: str) -> bytes:
    """Of a value that can be listed."""
    return keyed_digest(institution_id, f"list.{kind}", value)
