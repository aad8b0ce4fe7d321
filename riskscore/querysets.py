"""The few statements that Django's ORM cannot say, or cannot say in one round trip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from riskscore.features import CounterpartyStats

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
