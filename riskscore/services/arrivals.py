"""Events as they arrive: locked into their account's order, seen against its past, stored for good."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Min

from riskscore import models
from riskscore.events import Counterparty, Event, EventKind
from riskscore.features import AccountWindow, CounterpartyStats, Features, compute
from riskscore.features.visits import Visits
from riskscore.features.windows import counterparty_key
from riskscore.querysets import account_windows, counterparty_stats, lock_accounts
from riskscore.records import row_of
from riskscore.selectors import account_window

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
    window = account_window(account.id, before=account.first)
    features = compute(event, window, stats)
    row = row_of(
        event,
        features,
        institution_id=institution_id,
        account_id=account.id,
        sequence=account.first,
        counterparty_id=counterparty_id,
        device_id=_device_of(event, device_ids),
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
    windows = account_windows({account.id: account.first for account in accounts.values()})
    visits = _visits(parties, events)
    arrived: Counter[str] = Counter()
    rows = []
    for event in events:
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
                counterparty_id=parties.get(key),
                device_id=_device_of(event, device_ids),
                now=now,
            )
        )
        arrived[event.account] += 1
        window.append(event)
        if key and event.kind not in UNCOUNTED:
            visits[key].add(at, str(account.id), round(event.amount * 100))
    models.Event.objects.bulk_create(rows, batch_size=2000)
    return len(rows)


def _remember(row: models.Event, event: Event) -> None:
    """Give the row the relations that are known already, so that showing it reads nothing."""
    row.account = models.Account(pk=row.account_id, institution_id=row.institution_id, reference=event.account)
    if row.counterparty_id is not None and event.counterparty is not None:
        party = event.counterparty
        row.counterparty = models.Counterparty(
            pk=row.counterparty_id, institution_id=row.institution_id, kind=party.kind.value, reference=party.id
        )


def _device_of(event: Event, device_ids: Mapping[str, int]) -> int | None:
    return device_ids[event.device.id] if event.device and event.device.id else None


def _counterparty(institution_id: UUID, event: Event, *, now: datetime) -> tuple[int | None, CounterpartyStats | None]:
    party = event.counterparty
    if party is None:
        return None, None
    known, stats = counterparty_stats(institution_id, kind=party.kind, reference=party.id, at=event.occurred_at)
    return known or _counterparty_ids(institution_id, [event], now=now)[counterparty_key(party)], stats


def _counterparty_ids(institution_id: UUID, events: Iterable[Event], *, now: datetime) -> dict[str, int]:
    told = {counterparty_key(event.counterparty): event.counterparty for event in events if event.counterparty}

    def stored(parties: Iterable[Counterparty]) -> dict[str, int]:
        rows = models.Counterparty.objects.filter(
            institution_id=institution_id, reference__in=[party.id for party in parties]
        )
        return {f"{kind}:{reference}": pk for pk, kind, reference in rows.values_list("pk", "kind", "reference")}

    found = stored(told.values())
    missing = sorted(told.keys() - found.keys())
    if not missing:
        return found
    made = [
        models.Counterparty(
            institution_id=institution_id, kind=told[key].kind.value, reference=told[key].id, first_seen_at=now
        )
        for key in missing
    ]
    models.Counterparty.objects.bulk_create(made, ignore_conflicts=True)
    return found | stored(told[key] for key in missing)


def _device_ids(institution_id: UUID, events: Iterable[Event], *, now: datetime) -> dict[str, int]:
    told = {event.device.id for event in events if event.device and event.device.id}
    if not told:
        return {}

    def stored(fingerprints: Iterable[str]) -> dict[str, int]:
        rows = models.Device.objects.filter(institution_id=institution_id, fingerprint__in=list(fingerprints))
        return dict(rows.values_list("fingerprint", "pk"))

    found = stored(told)
    missing = sorted(told - found.keys())
    if not missing:
        return found
    made = [models.Device(institution_id=institution_id, fingerprint=told, first_seen_at=now) for told in missing]
    models.Device.objects.bulk_create(made, ignore_conflicts=True)
    return found | stored(missing)


def _visits(parties: Mapping[str, int], events: Sequence[Event]) -> dict[str, Visits]:
    visits = {key: Visits() for key in parties}
    by_id = {pk: visits[key] for key, pk in parties.items()}
    counted = models.Event.objects.filter(counterparty_id__in=list(by_id)).exclude(kind__in=UNCOUNTED)
    times = [event.occurred_at for event in events]
    recent = counted.filter(occurred_at__gt=min(times) - timedelta(days=28), occurred_at__lte=max(times))
    for pk, at, account_id, cents in recent.values_list("counterparty_id", "occurred_at", "account_id", "cents"):
        by_id[pk].add(at.timestamp(), str(account_id), cents)
    firsts = counted.order_by().values("counterparty_id").annotate(first_at=Min("occurred_at"))
    for pk, first_at in firsts.values_list("counterparty_id", "first_at"):
        by_id[pk].first_at = first_at.timestamp()
    labels = models.Label.objects.filter(counterparty_id__in=list(by_id), verdict=models.Label.Verdict.FRAUD)
    known = labels.order_by("assessment_id", "effective_at").distinct("assessment_id")
    for pk, effective_at in sorted(known.values_list("counterparty_id", "effective_at")):
        by_id[pk].known_at.append(effective_at.timestamp())
    return visits
