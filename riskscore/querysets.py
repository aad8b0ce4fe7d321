"""The few statements that Django's ORM cannot say, or cannot say in one round trip."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from apps.common.encryption import opened_values, sealed_value
from riskscore.digests import account_digest, counterparty_digest
from riskscore.features import AccountWindow, CounterpartyStats
from riskscore.features.entries import Names, read_entries
from riskscore.features.windows import WINDOW_LIMIT
from riskscore.models import Account, Event

LOCK_ACCOUNTS = """
INSERT INTO riskscore_account AS account (institution_id, digest, reference, event_count, created_at)
SELECT %(institution)s, told.digest, told.reference, told.arriving, %(now)s
FROM unnest(%(digests)s::bytea[], %(references)s::bytea[], %(arriving)s::int[]) AS told (digest, reference, arriving)
ORDER BY told.digest
ON CONFLICT (institution_id, digest)
DO UPDATE SET event_count = account.event_count + excluded.event_count
RETURNING id, digest, event_count
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
WHERE counterparty.institution_id = %(institution)s AND counterparty.digest = %(digest)s
"""

# One string an account, as with its history below.
WINDOWS = """
SELECT recent.account_id, string_agg(recent.entry, ''::bytea ORDER BY recent.sequence)
FROM unnest(%(accounts)s::bigint[], %(before)s::int[]) AS wanted (account_id, before), LATERAL (
    SELECT event.account_id, event.sequence, event.entry FROM riskscore_event AS event
    WHERE event.account_id = wanted.account_id AND event.institution_id = %(institution)s
    AND event.sequence < wanted.before AND event.sequence >= wanted.before - %(limit)s
) AS recent
GROUP BY recent.account_id
"""

# One string an account: 440 events as Django rows took 5 ms, in PostgreSQL, on the way and here (2026-11-25).
PACKED_HISTORY = """
SELECT count(*), string_agg(packed, ''::bytea ORDER BY sequence) FROM riskscore_event
WHERE institution_id = %(institution)s AND account_id = %(account)s
AND sequence >= %(start)s AND sequence < %(stop)s AND encoding = %(encoding)s
"""

ACTIVE_POLICY = """
SELECT ruleset.id, thresholds.version, thresholds.review, thresholds.block_and_review, thresholds.decline
FROM tenants_institution AS institution
LEFT JOIN riskscore_rulesetversion AS ruleset ON ruleset.institution_id = institution.id AND ruleset.active
LEFT JOIN riskscore_thresholdsversion AS thresholds
    ON thresholds.institution_id = institution.id AND thresholds.active
WHERE institution.id = %s
"""

LISTED = """
SELECT id, action, kind, overridable FROM riskscore_listentry
WHERE institution_id = %s AND value_digest = ANY(%s) AND (expires_at IS NULL OR expires_at > %s)
ORDER BY created_at, id
"""

TOLD = """
SELECT sequence, content FROM riskscore_event
WHERE institution_id = %s AND account_id = %s AND sequence = ANY(%s)
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

    Rows are taken in the order of their digests, so that two callers cannot wait for each other.
    """
    told = {account_digest(institution_id, reference): reference for reference in arriving}
    sealed = [
        sealed_value(Account, "reference", institution_id=institution_id, row=digest, value=reference)
        for digest, reference in told.items()
    ]
    parameters: dict[str, Any] = {
        "institution": institution_id,
        "digests": list(told),
        "references": [reference.token for reference in sealed if reference is not None],
        "arriving": list(arriving.values()),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(LOCK_ACCOUNTS, parameters)
        return {
            told[digest]: LockedAccount(id=pk, first=count - arriving[told[digest]])
            for pk, digest, count in cursor.fetchall()
        }


def account_windows(institution_id: UUID, before: Mapping[int, int], names: Names) -> dict[int, AccountWindow]:
    """Accounts as they were when their event of a given sequence arrived, by account. One query.

    Args:
        names: of the events they are looked at for.
    """
    windows = {account_id: AccountWindow() for account_id in before}
    parameters: dict[str, Any] = {
        "institution": institution_id,
        "accounts": list(before),
        "before": list(before.values()),
        "limit": WINDOW_LIMIT,
    }
    with connection.cursor() as cursor:
        cursor.execute(WINDOWS, parameters)
        for account_id, stored in cursor.fetchall():
            windows[account_id] = AccountWindow.of(read_entries(stored, names))
    return windows


def told_ids(institution_id: UUID, account_id: int, orders: Iterable[int]) -> dict[int, str]:
    """The bank's own identifiers of an account's events, by their order of arrival. One query, or none."""
    wanted = list(orders)
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(TOLD, [institution_id, account_id, wanted])
        found = cursor.fetchall()
    rows = [((account_id, order), content) for order, content in found]
    contents = opened_values(Event, "content", institution_id=institution_id, rows=rows)
    return {order: content["id"] for (order, _), content in zip(found, contents, strict=True)}


def listed(institution_id: UUID, digests: Sequence[bytes], *, now: datetime) -> list[tuple[UUID, str, str, bool]]:
    """Id, action, kind and overridability of the entries in force for any of these values, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(LISTED, [institution_id, list(digests), now])
        return list(cursor.fetchall())


def counterparty_stats(
    institution_id: UUID, *, kind: str, reference: str, at: datetime
) -> tuple[int | None, CounterpartyStats]:
    """What is known of a counterparty at a moment, and its row's id; None and zeros for a new one."""
    digest = counterparty_digest(institution_id, kind, reference)
    parameters: dict[str, Any] = {"institution": institution_id, "digest": digest, "t": at}
    with connection.cursor() as cursor:
        cursor.execute(COUNTERPARTY_STATS, parameters)
        row = cursor.fetchone()
    if row is None:
        return None, CounterpartyStats()
    return row[0], _stats(row[1:], at)


def packed_history(institution_id: UUID, account_id: int, *, start: int, stop: int, encoding: str) -> list[bytes]:
    """An account's packed events of one encoding, all of one length, by sequence: from ``start`` to before ``stop``."""
    parameters: dict[str, Any] = {
        "institution": institution_id, "account": account_id, "start": start, "stop": stop, "encoding": encoding,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(PACKED_HISTORY, parameters)
        count, packed = cursor.fetchone()
    if not count:
        return []
    size, rest = divmod(len(packed), count)
    assert not rest, "events of one encoding have one length"
    return [bytes(packed[at : at + size]) for at in range(0, len(packed), size)]


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
