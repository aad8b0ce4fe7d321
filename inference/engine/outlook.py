"""Who would be late: what stands before a request, in seconds, against its deadline.

Predictions shed early, so they are made in the request's favour: of others' and its own work what the cache
is likely to hold is left out, and a deadline is missed only if it would be missed with a third less to do.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from inference.api import Shed
from inference.engine.blocks import BLOCK
from inference.engine.budget import TokenBudget
from inference.engine.cost import NOTHING, Load, StepCost, span
from inference.engine.prefix import PrefixCache
from inference.engine.scheduler import Plan, Scheduler
from inference.engine.work import Work

FAVOUR = 0.7  # of the predicted time: a step's was off by 11 % at the median, 39 % in one of ten; 2026-11-25


def left_of(work: Work) -> Load:
    """What a request still has to compute, with what it is likely to find in the cache left out."""
    return span(max(work.done, work.hoped), work.prompt.total)


def ahead_of(work: Work, others: Iterable[Work]) -> Load:
    """What is computed before a request: more urgent work of its namespace, and as much of others that take turns.

    Lower priorities wait for it, and higher ones go before it, whosever they are.
    """
    before, turns = NOTHING, dict[bytes, Load]()
    for other in others:
        if other.urgency[0] < work.urgency[0] or (other.salt == work.salt and other.urgency < work.urgency):
            before += left_of(other)
        elif other.urgency[0] == work.urgency[0] and other.salt != work.salt:
            turns[other.salt] = turns.get(other.salt, NOTHING) + left_of(other)
    mine = before + left_of(work)
    for theirs in turns.values():
        before += min(theirs, mine, key=lambda load: load.positions)
    return before


@dataclass(slots=True)
class Outlook:
    """What one model's engine has learned of time. Used by the engine's thread."""

    budget: TokenBudget
    cost: StepCost = field(default_factory=StepCost)

    def learn(self, plan: Plan, *, duration_s: float, slack_s: float) -> None:
        """A step was made; see `TokenBudget.observe`."""
        load = plan.load
        self.cost.learn(load, duration_s)
        self.budget.observe(computed=load.positions, duration_s=duration_s, slack_s=slack_s)

    def check_arrival(self, work: Work, scheduler: Scheduler, cache: PrefixCache, now: float) -> None:
        """Note what a request will find. Raises Shed if all that is ahead of it leaves it too little time."""
        work.hoped = BLOCK * cache.known(work.keys, work.salt)
        if work.request.deadline_at is None or not self.cost.known:
            return
        ahead = ahead_of(work, (*scheduler.running, *scheduler.waiting))
        self._check(work, ahead, now)

    def hopeless(self, scheduler: Scheduler, now: float) -> list[tuple[Work, Shed]]:
        """Requests that never began and would be late even if they were next."""
        found = []
        for work in scheduler.waiting if self.cost.known else ():
            if work.request.deadline_at is None or work.started_at is not None:
                continue
            try:
                self._check(work, NOTHING, now)
            except Shed as shed:
                found.append((work, shed))
        return found

    def _check(self, work: Work, ahead: Load, now: float) -> None:
        wait_s = self.cost.seconds(ahead, budget=self.budget.positions)
        own_s = self.cost.seconds(left_of(work), budget=self.budget.positions)
        assert work.request.deadline_at is not None
        if now + FAVOUR * (wait_s + own_s) > work.request.deadline_at:
            raise Shed(wait_s=wait_s, own_s=own_s)
