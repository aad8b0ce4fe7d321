"""Between an event as a value and an event as a row."""

import json
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from riskscore import models
from riskscore.digests import content_digest, event_digest
from riskscore.encoding import SCHEMA, pack_history
from riskscore.events import (
    Channel,
    Counterparty,
    CounterpartyKind,
    DeviceFingerprint,
    Event,
    EventKind,
    NetworkKind,
    Platform,
)
from riskscore.features import Features
from riskscore.features.entries import stored_entry


def content_sha256(event: Event) -> bytes:
    """Digest of everything the event says; equal amounts written differently are equal."""
    told = asdict(event) | {"amount": f"{event.amount.normalize():f}", "occurred_at": event.occurred_at.isoformat()}
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).digest()


def content_of(event: Event) -> dict[str, Any]:
    """What of an event identifies somebody, as one document: it is sealed as one."""
    party = event.counterparty
    return {
        "id": event.id,
        "card": event.card,
        "counterparty": {"kind": party.kind.value, "id": party.id} if party else None,
        "device": asdict(event.device) if event.device else None,
        "reverses": event.reverses,
    }


def row_of(
    event: Event,
    features: Features,
    *,
    institution_id: UUID,
    account_id: int,
    sequence: int,
    counterparty_id: int | None,
    device_id: int | None,
    now: datetime,
) -> models.Event:
    """The row of an event that arrives as the ``sequence``-th of its account; not saved."""
    party = event.counterparty
    return models.Event(
        institution_id=institution_id,
        account_id=account_id,
        sequence=sequence,
        external_digest=event_digest(institution_id, event.id),
        content=content_of(event),
        kind=event.kind.value,
        channel=event.channel.value,
        amount=event.amount,
        cents=round(event.amount * 100),
        currency=event.currency,
        occurred_at=event.occurred_at,
        received_at=now,
        country=event.country,
        counterparty_id=counterparty_id,
        counterparty_category=party.category if party else "",
        counterparty_country=party.country if party else "",
        device_id=device_id,
        content_digest=content_digest(institution_id, content_sha256(event)),
        features=features.as_dict(),
        packed=pack_history(event, features).packed,
        entry=stored_entry(event, order=sequence, counterparty_id=counterparty_id, device_id=device_id),
        encoding=SCHEMA.version,
    )


def event_of(row: models.Event) -> Event:
    """The event as it was told. Reads the row's account."""
    told = row.content
    return Event(
        id=told["id"],
        account=row.account.reference,
        kind=EventKind(row.kind),
        channel=Channel(row.channel),
        amount=row.amount,
        currency=row.currency,
        occurred_at=row.occurred_at,
        country=row.country,
        card=told["card"],
        counterparty=_counterparty(row, told["counterparty"]) if told["counterparty"] else None,
        device=_device(told["device"]) if told["device"] else None,
        reverses=told["reverses"],
    )


def _counterparty(row: models.Event, told: dict[str, str]) -> Counterparty:
    return Counterparty(
        kind=CounterpartyKind(told["kind"]),
        id=told["id"],
        category=row.counterparty_category,
        country=row.counterparty_country,
    )


def _device(told: dict[str, Any]) -> DeviceFingerprint:
    kinds = {"platform": Platform(told["platform"]), "network": NetworkKind(told["network"])}
    return DeviceFingerprint(**(told | kinds))
