"""The few statements that Django's ORM cannot say, or cannot say in one round trip."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from riskscore.events import EventKind
from riskscore.features import AccountWindow, CounterpartyStats
from riskscore.features.windows import PRESENT_CHANNELS, WINDOW_LIMIT, Entry, direction, log_micro

KINDS = {str(kind): kind for kind in EventKind}

LOCK_ACCOUNTS = """
INSERT INTO riskscore_account AS account (institution_id, reference, event_count, created_at)
SELECT %(institution)s, told.reference, told.arriving, %(now)s
FROM unnest(%(references)s::text[], %(arriving)s::int[]) AS told (reference, arriving)
ORDER BY told.reference
ON CONFLICT (institution_id, reference)
DO UPDATE SET event_count = account.event_count + excluded.event_count
RETURNING id, reference, event_count
"""

# Counts are of what is stored and happened up to %(t)s: see riskscore.features.CounterpartyStats.
COUNTERPARTY_STATS = """
SELECT counterparty.id, recent.*, (
    SELECT count(DISTINCT label.assessment_id) FROM riskscore_label AS label
    WHERE label.counterparty_id = counterparty.id AND label.verdict = 'fraud'
    AND label.effective_at > %(t)s - interval '28 days' AND label.effective_at <= %(t)s
), (
    SELECT min(event.occurred_at) FROM riskscore_event AS event
    WHERE event.counterparty_id = counterparty.id AND event.kind NOT IN ('login', 'reversal')
)
FROM riskscore_counterparty AS counterparty, LATERAL (
    SELECT
        count(*) FILTER (WHERE event.occurred_at > %(t)s - interval '1 day'),
        count(*) FILTER (WHERE event.occurred_at > %(t)s - interval '7 days'),
        count(*),
        count(DISTINCT event.account_id) FILTER (WHERE event.occurred_at > %(t)s - interval '1 day'),
        sum(event.cents)
    FROM riskscore_event AS event
    WHERE event.counterparty_id = counterparty.id AND event.kind NOT IN ('login', 'reversal')
    AND event.occurred_at > %(t)s - interval '28 days' AND event.occurred_at <= %(t)s
) AS recent
WHERE counterparty.institution_id = %(institution)s
AND counterparty.kind = %(kind)s AND counterparty.reference = %(reference)s
"""

# One row an account, one document to parse: 512 events cost 3 ms this way and 13 ms of processor time as
# Django rows (2026-11-23). Columns are those of riskscore.features.windows.Entry.
WINDOWS = """
SELECT recent.account_id, json_agg(json_build_array(
    extract(epoch FROM recent.occurred_at), recent.external_id, recent.kind, recent.channel, recent.cents,
    counterparty.kind, counterparty.reference, recent.counterparty_category, device.fingerprint,
    recent.device_fields ->> 'language', recent.country, recent.device_fields ->> 'ip_country'
) ORDER BY recent.sequence)::text
FROM unnest(%(accounts)s::bigint[], %(before)s::int[]) AS wanted (account_id, before), LATERAL (
    SELECT * FROM riskscore_event AS event
    WHERE event.account_id = wanted.account_id
    AND event.sequence < wanted.before AND event.sequence >= wanted.before - %(limit)s
) AS recent
LEFT JOIN riskscore_counterparty AS counterparty ON counterparty.id = recent.counterparty_id
LEFT JOIN riskscore_device AS device ON device.id = recent.device_id
GROUP BY recent.account_id
"""

ACTIVE_POLICY = """
SELECT ruleset.id, thresholds.version, thresholds.review, thresholds.block_and_review, thresholds.decline
FROM tenants_institution AS institution
LEFT JOIN riskscore_rulesetversion AS ruleset ON ruleset.institution_id = institution.id AND ruleset.active
LEFT JOIN riskscore_thresholdsversion AS thresholds
    ON thresholds.institution_id = institution.id AND thresholds.active
WHERE institution.id = %s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedAccount:
    """An account whose row this transaction holds.

    Attributes:
        first: sequence of the first of the events that arrive now.
    """

    id: int
    first: int


def lock_accounts(institution_id: UUID, arriving: Mapping[str, int], *, now: datetime) -> dict[str, LockedAccount]:
    """Lock accounts by reference, making those that are new, and reserve sequences for what arrives.

    Rows are taken in the order of their references, so that two callers cannot wait for each other.
    """
    parameters: dict[str, Any] = {
        "institution": institution_id,
        "references": list(arriving),
        "arriving": list(arriving.values()),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCK_ACCOUNTS, parameters)
        return {
            reference: LockedAccount(id=pk, first=count - arriving[reference])
            for pk, reference, count in cursor.fetchall()
        }


def account_windows(before: Mapping[int, int]) -> dict[int, AccountWindow]:
    """Accounts as they were when their event of a given sequence arrived, by account. One query."""
    windows = {account_id: AccountWindow() for account_id in before}
    parameters: dict[str, Any] = {
        "accounts": list(before),
        "before": list(before.values()),
        "limit": WINDOW_LIMIT,
    }
    with connection.cursor() as cursor:
        cursor.execute(WINDOWS, parameters)
        for account_id, document in cursor.fetchall():
            for order, columns in enumerate(json.loads(document)):
                windows[account_id].remember(_entry(order, *columns))
    return windows


def _entry(
    order: int,
    at: float,
    event_id: str,
    kind: str,
    channel: str,
    cents: int,
    party_kind: str | None,
    party: str | None,
    category: str,
    device: str | None,
    language: str | None,
    country: str,
    ip_country: str | None,
) -> Entry:
    event_kind = KINDS[kind]
    return Entry(
        float(at),
        order,
        event_id,
        event_kind,
        direction(event_kind),
        cents,
        log_micro(cents),
        f"{party_kind}:{party}" if party_kind else "",
        category,
        device or "",
        language or "",
        country if channel in PRESENT_CHANNELS else ip_country or "",
        int(at // 3600) % 24,
    )


def counterparty_stats(
    institution_id: UUID, *, kind: str, reference: str, at: datetime
) -> tuple[int | None, CounterpartyStats]:
    """What is known of a counterparty at a moment, and its row's id; None and zeros for a new one."""
    parameters: dict[str, Any] = {"institution": institution_id, "kind": kind, "reference": reference, "t": at}
    with connection.cursor() as cursor:
        cursor.execute(COUNTERPARTY_STATS, parameters)
        row = cursor.fetchone()
    if row is None:
        return None, CounterpartyStats()
    return row[0], _stats(row[1:], at)


def active_policy(institution_id: UUID) -> tuple[Any, ...]:
    """Id of the rule set, then version and values of the thresholds in force; None where there is none."""
    with connection.cursor() as cursor:
        cursor.execute(ACTIVE_POLICY, [institution_id])
        row = cursor.fetchone()
    assert row is not None
    return tuple(row)


def _stats(row: Sequence[object], at: datetime) -> CounterpartyStats:
    day, week, month, accounts, cents, frauds, first_at = row
    assert isinstance(day, int)
    assert isinstance(week, int)
    assert isinstance(month, int)
    assert isinstance(accounts, int)
    assert isinstance(frauds, int)
    age_days = None
    if isinstance(first_at, datetime):
        age_days = max(0.0, at.timestamp() - first_at.timestamp()) / 86400.0
    return CounterpartyStats(
        count_24h=day,
        count_7d=week,
        count_28d=month,
        accounts_24h=accounts,
        frauds_28d=frauds,
        mean_amount=int(str(cents)) / 100 / month if month else None,
        age_days=age_days,
    )
