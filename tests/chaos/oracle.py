"""What was promised, against what came of it."""

from dataclasses import dataclass
from pathlib import Path

import psycopg

COUNT = """
    SELECT count(*) FILTER (WHERE status IN ('queued', 'running')),
           count(*) FILTER (WHERE status = 'succeeded'),
           count(*) FILTER (WHERE status = 'failed'),
           count(*) FILTER (WHERE attempts > 1),
           coalesce(extract(epoch FROM max(finished_at)), 0)
    FROM jobs_job WHERE id = ANY(%s)
"""
EFFECTS = """
    SELECT count(*), count(*) FILTER (WHERE times > 1)
    FROM (SELECT job_id, count(*) AS times FROM chaos_effect GROUP BY job_id) AS counted
"""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How a run ended.

    Attributes:
        acked: jobs whose promise was committed.
        open: jobs that never ended: lost.
        done: jobs that ended with a result.
        dead: jobs given up after three attempts.
        retried: jobs that needed more than one attempt.
        doubled: jobs whose effect happened twice.
        missing: jobs that ended well without their effect.
        settled_s: from the last kill to the last end.
    """

    acked: int
    open: int
    done: int
    dead: int
    retried: int
    doubled: int
    missing: int
    settled_s: float


def verdict(database_url: str, ledger: Path, *, last_kill_at: float) -> Verdict:
    """Compare the ledger with the tables. ``last_kill_at`` is in seconds since 1970."""
    acked = ledger.read_text().split()
    with psycopg.connect(database_url, autocommit=True) as connection:
        counted = connection.execute(COUNT, [acked]).fetchone()
        effects = connection.execute(EFFECTS).fetchone()
    assert counted is not None
    assert effects is not None
    open_, done, dead, retried, last_end_at = counted
    return Verdict(
        acked=len(acked),
        open=open_,
        done=done,
        dead=dead,
        retried=retried,
        doubled=effects[1],
        missing=done - effects[0],
        settled_s=max(0.0, float(last_end_at) - last_kill_at),
    )
