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
    """Open jobs of one kind.

    Attributes:
        mine: of the institution that asks.
        parties: institutions that have open jobs.
        behind_s: for how long the eldest has waited, at most 5.
        done: how many were done in that time; 0 unless it is a second at least.
    """

    mine: int
    total: int
    parties: int
    behind_s: float
    done: int

    @property
    def wait_s(self) -> float:
        """How long a job that joined now would wait, if all went on as it does; 0 where nobody waits for long.

        Institutions take turns, so that others' jobs delay mine only as far as I have jobs ahead myself.

        >>> Backlog(mine=100, total=300, parties=2, behind_s=5.0, done=250).wait_s
        4.0
        """
        if not self.done:
            return 0.0
        parties = self.parties + (self.mine == 0)
        return min(self.total, self.mine * parties) * self.behind_s / self.done


def backlog(*, kind: JobKind, institution_id: UUID, now: datetime) -> Backlog:
    """How much of a kind is open. One query of about 0.3 ms with 500 open jobs."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT mine, total, parties, behind_s, done FROM assay_queue(%s, %s, %s)", [kind.name, institution_id, now]
        )
        mine, total, parties, behind_s, done = cursor.fetchone()
    return Backlog(mine=int(mine), total=int(total), parties=parties, behind_s=behind_s, done=done)


def admit(*, kind: JobKind, institution_id: UUID, deadline_at: datetime, now: datetime) -> None:
    """Refuse a job that should not be promised; a kind without a bound is always admitted.

    Raises:
        QueueFull: all institutions together have as many open jobs as there may be.
        ShareExceeded: this institution has its share of them.
        TooLate: what is ahead of it takes longer than its deadline allows.
    """
    if kind.open_bound is None:
        return
    ahead = backlog(kind=kind, institution_id=institution_id, now=now)
    try:
        _check(ahead, bound=kind.open_bound, within_s=(deadline_at - now).total_seconds())
    except (Overloaded, Unavailable) as refused:
        NOT_ADMITTED.labels(kind=kind.name, reason=refused.code).inc()
        raise


def _check(ahead: Backlog, *, bound: int, within_s: float) -> None:
    if ahead.total >= bound:
        raise QueueFull(_("There is more to do than can be done. Try again soon."))
    if not has_room(mine=ahead.mine, total=ahead.total, bound=bound):
        raise ShareExceeded(_("Your institution has as much under way as it may."), retry_after_s=RETRY_S)
    if ahead.wait_s > within_s:
        raise TooLate(
            _("This could not be done before its deadline. Try again later."),
            retry_after_s=max(RETRY_S, ahead.wait_s - within_s),
        )
