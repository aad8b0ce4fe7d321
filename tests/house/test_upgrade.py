"""An installation of the first release, brought up to date.

`first_release.sql` was written by `pg_dump --inserts` on 2026-11-24 from a database that the first release's own
services had filled: a bank and a hospital, clients, history, four assessments, a label, stored replies. Its keys
open nothing else: their random part is a number.
"""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from tests.house.installation import Call, ask, database, manage, rows
from tests.riskscore.makers import payload

FIRST = Path(__file__).with_name("first_release.sql")
BANK, REVOKED, HOSPITAL = (f"ak_{mode}_{n:043d}" for n, mode in enumerate(["live", "test", "test"], start=1))
ASSESSMENTS = "/api/v1/risk/assessments"
SCORED = "8cd4c0c5-2ac5-4cd6-9ebb-22042d0c4234"
ASSESSED = {
    SCORED: ("tx-0", "completed", 0.0474, "block_and_review"),
    "f00c2e13-3651-4a3d-be34-948161152e8b": ("tx-1", "completed", 0.0474, "approve"),
    "fc506b1f-ad33-485a-859c-63ba1a9fabe2": ("tx-2", "completed", 0.0474, "approve"),
    "8d6bff72-054c-4f24-b3da-cf1da1895423": ("tx-3", "pending", None, None),
}
REPLAY = {"Idempotency-Key": "order-0", "Prefer": "respond-async"}
NEW = {"Idempotency-Key": "order-9", "Prefer": "respond-async"}
CALLS = {
    "page": Call(key=BANK, path=ASSESSMENTS),
    "one": Call(key=BANK, path=f"{ASSESSMENTS}/{SCORED}"),
    "revoked": Call(key=REVOKED, path=ASSESSMENTS),
    "hospital": Call(key=HOSPITAL, path=ASSESSMENTS),
    "stranger": Call(key=HOSPITAL, path=f"{ASSESSMENTS}/{SCORED}"),
    "replay": Call(key=BANK, path=ASSESSMENTS, body=payload(id="tx-0", account="acc-1"), headers=REPLAY),
    "new": Call(key=BANK, path=ASSESSMENTS, body=payload(id="tx-9", account="acc-1"), headers=NEW),
}
COUNTS = {
    "riskscore_event": 16,
    "riskscore_riskassessment": 4,
    "riskscore_label": 1,
    "riskscore_listentry": 1,
    "tenants_institution": 2,
    "tenants_apiclient": 3,
    "tenants_user": 2,
    "api_idempotencyrecord": 6,
    "audit_auditevent": 10,
}


TENANT_TABLES_OPEN = """
    SELECT c.relname FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'institution_id' AND NOT a.attisdropped
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
    AND NOT (c.relrowsecurity AND EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))
"""


@pytest.fixture(scope="module")
def upgraded(redis_server: None) -> Iterator[SimpleNamespace]:
    """The first release's database after `manage.py prepare`, and its answers to CALLS."""
    with database("assay_upgrade_test") as url:
        with psycopg.connect(url) as connection:
            connection.execute(FIRST.read_bytes())
        before = {table: rows(url, f"SELECT count(*) FROM {table}")[0][0] for table in COUNTS}
        done = manage(url, "prepare")
        after = {table: rows(url, f"SELECT count(*) FROM {table}")[0][0] for table in COUNTS}
        assert done.returncode == 0, done.stderr[-3000:]
        replies = dict(zip(CALLS, ask(url, list(CALLS.values())), strict=True))
        yield SimpleNamespace(url=url, before=before, after=after, replies=replies)


def test_no_row_is_lost(upgraded):
    assert upgraded.before == COUNTS
    assert upgraded.after == COUNTS


def test_the_first_releases_assessments_read_as_before(upgraded):
    page = upgraded.replies["page"].document["results"]

    told = {row["id"]: (row["event"]["id"], row["status"], row["score"], row["outcome"]) for row in page}
    assert told.items() >= ASSESSED.items()


def test_an_assessment_keeps_its_event_evidence_and_model(upgraded):
    one = upgraded.replies["one"].document

    assert (one["event"]["id"], one["event"]["account"]) == ("tx-0", "acc-1")
    assert one["completed_at"] == "2026-11-24T02:55:19.566353Z"
    assert "0" * 64 in upgraded.replies["one"].text


def test_keys_of_the_first_release_open_what_they_opened(upgraded):
    replies = upgraded.replies

    assert replies["page"].status == 200
    assert replies["revoked"].status == 401
    assert (replies["hospital"].status, replies["hospital"].document["results"]) == (200, [])
    assert replies["stranger"].status == 404


def test_a_retry_across_the_upgrade_gets_the_first_releases_answer(upgraded):
    replay = upgraded.replies["replay"]

    assert (replay.status, replay.headers["Idempotent-Replayed"]) == (202, "true")
    assert (replay.document["id"], replay.document["status"]) == (SCORED, "pending")


def test_a_new_event_is_taken_after_the_upgrade(upgraded):
    assert upgraded.replies["new"].status == 202
    assert rows(upgraded.url, "SELECT count(*) FROM riskscore_riskassessment")[0][0] == 5


def test_every_table_of_tenants_is_walled(upgraded):
    assert rows(upgraded.url, TENANT_TABLES_OPEN) == []


def test_an_up_to_date_database_stays_as_it_is(upgraded):
    assert manage(upgraded.url, "migrate", "--check").returncode == 0
