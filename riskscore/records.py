"""Between an event as a value and an event as a row."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.fields.json import KeyTextTransform

from riskscore import models
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

WINDOW_COLUMNS = (
    "account_id",
    "external_id",
    "kind",
    "channel",
    "amount",
    "occurred_at",
    "country",
    "counterparty__kind",
    "counterparty__reference",
    "counterparty_category",
    "device__fingerprint",
)


def content_sha256(event: Event) -> bytes:
    """Digest of everything the event says; equal amounts written differently are equal."""
    told = asdict(event) | {"amount": f"{event.amount.normalize():f}", "occurred_at": event.occurred_at.isoformat()}
    return sha256(json.dumps(told, sort_keys=True, default=str).encode()).digest()


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
        external_id=event.id,
        kind=event.kind.value,
        channel=event.channel.value,
        amount=event.amount,
        cents=round(event.amount * 100),
        currency=event.currency,
        occurred_at=event.occurred_at,
        received_at=now,
        country=event.country,
        card=event.card,
        counterparty_id=counterparty_id,
        counterparty_category=party.category if party else "",
        counterparty_country=party.country if party else "",
        device_id=device_id,
        device_fields=asdict(event.device) if event.device else None,
        reverses=event.reverses,
        content_sha256=content_sha256(event),
        features=features.as_dict(),
        packed=pack_history(event, features).packed,
        encoding=SCHEMA.version,
    )


def event_of(row: models.Event) -> Event:
    """The event as it was told. Reads the row's account and counterparty."""
    party = row.counterparty
    return Event(
        id=row.external_id,
        account=row.account.reference,
        kind=EventKind(row.kind),
        channel=Channel(row.channel),
        amount=row.amount,
        currency=row.currency,
        occurred_at=row.occurred_at,
        country=row.country,
        card=row.card,
        counterparty=Counterparty(
            kind=CounterpartyKind(party.kind),
            id=party.reference,
            category=row.counterparty_category,
            country=row.counterparty_country,
        )
        if party
        else None,
        device=_device(row.device_fields) if row.device_fields else None,
        reverses=row.reverses,
    )


def _device(told: dict[str, Any]) -> DeviceFingerprint:
    kinds = {"platform": Platform(told["platform"]), "network": NetworkKind(told["network"])}
    return DeviceFingerprint(**(told | kinds))


def window_events(rows: QuerySet[models.Event], reference: str = "") -> Iterable[tuple[int, Event]]:
    """Account and event of each row, with no more than what a window keeps. One query, few columns."""
    told = rows.annotate(
        language=KeyTextTransform("language", "device_fields"),
        ip_country=KeyTextTransform("ip_country", "device_fields"),
    ).values_list(*WINDOW_COLUMNS, "language", "ip_country")
    return ((row[0], _window_event(row, reference)) for row in told.iterator(chunk_size=2000))


def _window_event(row: tuple[Any, ...], reference: str) -> Event:
    kind, channel, amount, occurred_at = row[2:6]
    device = None
    if row[11] is not None:
        device = DeviceFingerprint(id=row[10] or "", language=row[11], ip_country=row[12])
    return Event(
        id=row[1],
        account=reference,
        kind=EventKind(kind),
        channel=Channel(channel),
        amount=Decimal(amount),
        currency="",
        occurred_at=occurred_at,
        country=row[6],
        counterparty=Counterparty(kind=CounterpartyKind(row[7]), id=row[8], category=row[9]) if row[7] else None,
        device=device,
    )
