"""Events as they arrive: locked into their account's order, seen against its past, stored for good."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from django.db.models import Manager, Min

from riskscore import models
from riskscore.digests import counterparty_digest, device_digest
from riskscore.events import Event, EventKind
from riskscore.features import AccountWindow, CounterpartyStats, Features, compute
from riskscore.features.entries import Names, counterparty_key
from riskscore.features.visits import Visits
from riskscore.querysets import account_windows, counterparty_stats, lock_accounts
from riskscore.records import row_of
from riskscore.selectors import account_window

Row = TypeVar("Row", models.Counterparty, models.Device)

UNCOUNTED = (EventKind.LOGIN, EventKind.REVERSAL)  # not visits to a counterparty


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """An event that has just been stored.

    Attributes:
        window: the account as it was before.
    """

    row: models.Event
    event: Event
    features: Features
    window: AccountWindow


def append_event(*, institution_id: UUID, event: Event, now: datetime) -> Arrival:
    """Store one event as the latest of its account. Call it inside a transaction.

    Raises:
        IntegrityError: on event_external_id_once, the institution already told an event of this id.
    """
    account = lock_accounts(institution_id, {event.account: 1}, now=now)[event.account]
    counterparty_id, stats = _counterparty(institution_id, event, now=now)
    device_ids = _device_ids(institution_id, [event], now=now)
    device_id = _device_of(event, device_ids)
    names = names_of([(event, counterparty_id, device_id)])
    window = account_window(institution_id, account.id, before=account.first, names=names)
    features = compute(event, window, stats)
    row = row_of(
        event,
        features,
        institution_id=institution_id,
        account_id=account.id,
        sequence=account.first,
        counterparty_id=counterparty_id,
        device_id=device_id,
        now=now,
    )
    row.save(force_insert=True)
    _remember(row, event)
    return Arrival(row=row, event=event, features=features, window=window)


def append_events(*, institution_id: UUID, events: Sequence[Event], now: datetime) -> int:
    """Store many events, in their order, with a number of queries that does not depend on how many.

    Returns:
        How many were stored: all of them.

    Raises:
        IntegrityError: on event_external_id_once, one of them is already stored.
    """
    if not events:
        return 0
    accounts = lock_accounts(institution_id, Counter(event.account for event in events), now=now)
    parties = _counterparty_ids(institution_id, events, now=now)
    device_ids = _device_ids(institution_id, events, now=now)
    told = [
        (event, parties.get(counterparty_key(event.counterparty)), _device_of(event, device_ids)) for event in events
    ]
    before = {account.id: account.first for account in accounts.values()}
    windows = account_windows(institution_id, before, names_of(told))
    visits = _visits(institution_id, parties, events)
    arrived: Counter[str] = Counter()
    rows = []
    for event, counterparty_id, device_id in told:
        account, window = accounts[event.account], windows[accounts[event.account].id]
        key = counterparty_key(event.counterparty)
        at = event.occurred_at.timestamp()
        features = compute(event, window, visits[key].stats(at) if key else None)
        rows.append(
            row_of(
                event,
                features,
                institution_id=institution_id,
                account_id=account.id,
                sequence=account.first + arrived[event.account],
                counterparty_id=counterparty_id,
                device_id=device_id,
                now=now,
            )
        )
        arrived[event.account] += 1
        window.append(event)
        if key and event.kind not in UNCOUNTED:
            visits[key].add(at, str(account.id), round(event.amount * 100))
    models.Event.objects.bulk_create(rows, batch_size=2000)
    return len(rows)


def names_of(told: Iterable[tuple[Event, int | None, int | None]]) -> Names:
    """What events call their counterparties and devices, whose rows' ids are given with each."""
    counterparties, devices, languages = dict[int, str](), dict[int, str](), set[str]()
    for event, counterparty_id, device_id in told:
        if counterparty_id is not None:
            counterparties[counterparty_id] = counterparty_key(event.counterparty)
        if event.device is not None:
            languages.add(event.device.language)
            if device_id is not None:
                devices[device_id] = event.device.id
    return Names(counterparties=counterparties, devices=devices, languages=frozenset(languages))


def _remember(row: models.Event, event: Event) -> None:
    """Give the row the account that is known already, so that showing it reads nothing."""
    row.account = models.Account(pk=row.account_id, institution_id=row.institution_id, reference=event.account)


def _device_of(event: Event, device_ids: Mapping[str, int]) -> int | None:
    return device_ids[event.device.id] if event.device and event.device.id else None


def _counterparty(institution_id: UUID, event: Event, *, now: datetime) -> tuple[int | None, CounterpartyStats | None]:
    party = event.counterparty
    if party is None:
        return None, None
    known, stats = counterparty_stats(institution_id, kind=party.kind, reference=party.id, at=event.occurred_at)
    return known or _counterparty_ids(institution_id, [event], now=now)[counterparty_key(party)], stats


def _counterparty_ids(institution_id: UUID, events: Iterable[Event], *, now: datetime) -> dict[str, int]:
    told = {
        counterparty_digest(institution_id, event.counterparty.kind, event.counterparty.id): event.counterparty
        for event in events
        if event.counterparty
    }
    made = {
        digest: models.Counterparty(
            institution_id=institution_id, kind=party.kind.value, digest=digest, reference=party.id, first_seen_at=now
        )
        for digest, party in told.items()
    }
    stored = _stored_ids(models.Counterparty.objects, institution_id, made)
    return {counterparty_key(told[digest]): pk for digest, pk in stored.items()}


def _device_ids(institution_id: UUID, events: Iterable[Event], *, now: datetime) -> dict[str, int]:
    ids = {event.device.id for event in events if event.device and event.device.id}
    told = {device_digest(institution_id, fingerprint): fingerprint for fingerprint in ids}
    made = {
        digest: models.Device(institution_id=institution_id, digest=digest, fingerprint=fingerprint, first_seen_at=now)
        for digest, fingerprint in told.items()
    }
    stored = _stored_ids(models.Device.objects, institution_id, made)
    return {told[digest]: pk for digest, pk in stored.items()}


def _stored_ids(rows: "Manager[Row]", institution_id: UUID, made: Mapping[bytes, Row]) -> dict[bytes, int]:
    """Ids of rows by their digests; those that are missing are stored, in the order of digests."""

    def stored(digests: Iterable[bytes]) -> dict[bytes, int]:
        found = rows.filter(institution_id=institution_id, digest__in=list(digests))
        return {bytes(digest): pk for digest, pk in found.values_list("digest", "pk")}

    found = stored(made) if made else {}
    missing = sorted(made.keys() - found.keys())
    if not missing:
        return found
    rows.bulk_create([made[digest] for digest in missing], ignore_conflicts=True)
    return found | stored(missing)


def _visits(institution_id: UUID, parties: Mapping[str, int], events: Sequence[Event]) -> dict[str, Visits]:
    visits = {key: Visits() for key in parties}
    by_id = {pk: visits[key] for key, pk in parties.items()}
    of_these = {"institution_id": institution_id, "counterparty_id__in": list(by_id)}
    counted = models.Event.objects.filter(**of_these).exclude(kind__in=UNCOUNTED)
    times = [event.occurred_at for event in events]
    recent = counted.filter(occurred_at__gt=min(times) - timedelta(days=28), occurred_at__lte=max(times))
    for pk, at, account_id, cents in recent.values_list("counterparty_id", "occurred_at", "account_id", "cents"):
        by_id[pk].add(at.timestamp(), str(account_id), cents)
    firsts = counted.order_by().values("counterparty_id").annotate(first_at=Min("occurred_at"))
    for pk, first_at in firsts.values_list("counterparty_id", "first_at"):
        by_id[pk].first_at = first_at.timestamp()
    labels = models.Label.objects.filter(**of_these, verdict=models.Label.Verdict.FRAUD)
    known = labels.order_by("assessment_id", "effective_at").distinct("assessment_id")
    for pk, effective_at in sorted(known.values_list("counterparty_id", "effective_at")):
        by_id[pk].known_at.append(effective_at.timestamp())
    return visits
