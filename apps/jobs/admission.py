"""Whether one more job may be promised: only what can be done in time, and to each institution its share.

Counted in PostgreSQL by a function that tells numbers alone, since the web role sees one institution's jobs.
Counts are not locked: transactions that count at the same moment may all be admitted, so the bound can be
overshot by as many jobs as requests are in flight at once, 32 for each web process.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _
from prometheus_client import REGISTRY, Counter

from apps.api.limits.shares import has_room
from apps.common.errors import Overloaded, Unavailable
from apps.jobs.kinds import JobKind

RETRY_S = 1.0
# Of the time until a deadline, what may be foreseen as waiting. Up to the deadline itself, the queue of a flood grew
# until a hiccup of half a second had 185 jobs expire at once (2026-11-25).
FORESEEN_SHARE = 0.6
PATIENT_SHARE = 0.5  # of the queue, for jobs of a priority below 0: rows of batches

NOT_ADMITTED = Counter(
    "assay_jobs_not_admitted_total",
    "Jobs refused by admission, by kind and reason.",
    ("kind", "reason"),
    registry=REGISTRY,
)


class ShareExceeded(Overloaded):
    """The institution's open jobs take up its share of the queue."""

    code = "share_exceeded"


class TooLate(Overloaded):
    """The job could not be done before its deadline: too much of the institution's own work is ahead of it."""

    code = "too_late"


class QueueFull(Unavailable):
    """The queue as a whole is at its bound."""

    code = "queue_full"
    retry_after_s = RETRY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Open jobs of one kind, as one who asks finds them.

    Attributes:
        mine: of the institution that asks.
        mine_ahead, ahead: those of them, and of all, that are not less urgent.
        parties: institutions that have jobs ahead.
        behind_s: for how long the eldest of those ahead has waited, at most 5.
        done: how many were done in that time; 0 unless it is a second at least.
    """

    mine: int
    total: int
    mine_ahead: int
    ahead: int
    parties: int
    behind_s: float
    done: int

    @property
    def wait_s(self) -> float:
        """How long a job that joined now would wait, if all went on as it does; 0 where nobody waits for long.

        Institutions take turns, so that others' jobs delay mine only as far as I have jobs ahead myself.

        >>> Backlog(mine=100, total=300, mine_ahead=100, ahead=300, parties=2, behind_s=5.0, done=250).wait_s
        4.0
        """
        if not self.done:
            return 0.0
        return min(self.ahead, self.mine_ahead * self.parties) * self.behind_s / self.done


def backlog(*, kind: JobKind, institution_id: UUID, priority: int, now: datetime) -> Backlog:
    """How much of a kind is open: 0.3 ms with 1,000 open jobs; 2026-11-24."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM assay_queue(%s, %s, %s, %s)", [kind.name, institution_id, priority, now])
        mine, total, mine_ahead, ahead, parties, behind_s, done = cursor.fetchone()
    return Backlog(
        mine=int(mine),
        total=int(total),
        mine_ahead=int(mine_ahead),
        ahead=int(ahead),
        parties=parties,
        behind_s=behind_s,
        done=done,
    )


def admit(*, kind: JobKind, institution_id: UUID, priority: int, deadline_at: datetime, now: datetime) -> None:
    """Refuse a job that should not be promised; a kind without a bound is always admitted.

    Jobs of a priority below 0, which nobody waits for, fill half of the queue at most.

    Raises:
        QueueFull: all institutions together have as many open jobs as there may be.
        ShareExceeded: this institution has its share of them.
        TooLate: what is ahead of it takes longer than its deadline allows, or nearly so.
    """
    if kind.open_bound is None:
        return
    found = backlog(kind=kind, institution_id=institution_id, priority=priority, now=now)
    bound = kind.open_bound if priority >= 0 else int(kind.open_bound * PATIENT_SHARE)
    try:
        _check(found, bound=bound, within_s=(deadline_at - now).total_seconds())
    except (Overloaded, Unavailable) as refused:
        NOT_ADMITTED.labels(kind=kind.name, reason=refused.code).inc()
        raise


def _check(found: Backlog, *, bound: int, within_s: float) -> None:
    if found.total >= bound:
        raise QueueFull(_("There is more to do than can be done. Try again soon."))
    if not has_room(mine=found.mine, total=found.total, bound=bound):
        raise ShareExceeded(_("Your institution has as much under way as it may."), retry_after_s=RETRY_S)
    if found.wait_s > FORESEEN_SHARE * within_s:
        raise TooLate(
            _("This could not be done before its deadline. Try again later."),
            retry_after_s=max(RETRY_S, found.wait_s - FORESEEN_SHARE * within_s),
        )
