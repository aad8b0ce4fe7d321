"""Which positions the next step computes: continuous batching under a budget, most urgent first.

Within a priority namespaces take turns, and within a namespace the earliest deadline goes first. There is no phase of
reading and none of generating: a request has positions that are known and positions that are computed, and a
generation comes to know more. A request begins when blocks for all that it knows can be had. One that lacks blocks,
to begin or to grow, takes them from those that run with a lower priority, or less urgently in its own namespace; they
start again later and find in the cache what is left of their work.
"""

import math
from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import merge
from operator import attrgetter

from inference.api import OutOfBlocks
from inference.engine.blocks import BLOCK
from inference.engine.cost import NOTHING, Load, span
from inference.engine.prefix import PrefixCache
from inference.engine.shares import Shares
from inference.engine.work import Chunk, Work

# Rows whose cost is that of a step without any: 27 M parameters on one thread took 5.7 ms and 0.26 a row. So a guess
# beside R requests is worth its row from odds of R / (R + 21); at 32, 7 guesses each made a step 4.9 times as long and
# at 1, 1.08 times (2026-11-25).
STEP_ROWS = 21
COMPANIONS = 64  # how far down the queue requests with the leader's prefix are looked for

by_urgency = attrgetter("urgency")


@dataclass(slots=True)
class Plan:
    """One step.

    Attributes:
        chunks: at most one for each request.
        fresh: blocks that this step fills and that were promised to the cache.
        preempted: requests that lost their blocks to this step.
        begun: requests that begin, or begin again, in this step.
    """

    chunks: list[Chunk] = field(default_factory=list)
    fresh: set[int] = field(default_factory=set)
    preempted: int = 0
    begun: list[Work] = field(default_factory=list)
    budget: int = 0

    @property
    def works(self) -> set[Work]:
        """The requests that compute something in this step."""
        return {chunk.work for chunk in self.chunks}

    @property
    def load(self) -> Load:
        """What the step computes."""
        return sum((span(chunk.start, chunk.stop) for chunk in self.chunks), start=NOTHING)


class Scheduler:
    """The requests of one model, waiting and running.

    Attributes:
        budget: positions of a step.
        max_requests: of a step.
    """

    def __init__(
        self, cache: PrefixCache, *, max_batch_positions: int, max_batch_requests: int = 512, fair: bool = True
    ) -> None:
        self.cache = cache
        self.waiting: list[Work] = []
        self.running: list[Work] = []
        self.budget = max(BLOCK, max_batch_positions)
        self.max_requests = max_batch_requests
        self._shares = Shares() if fair else None

    def admit(self, work: Work) -> None:
        """Let a request wait for its turn. Raises OutOfBlocks if it could never have one."""
        limit = min(self.cache.pool.total, self.cache.namespace_blocks)
        if work.most_blocks > limit:
            raise OutOfBlocks(f"the request needs {work.most_blocks} blocks, and may have {limit}")
        insort(self.waiting, work, key=by_urgency)

    def remove(self, works: Iterable[Work]) -> None:
        """Take requests out, wherever they are, and let go of their blocks."""
        for work in works:
            if work in self.running:
                self.running.remove(work)
                self.cache.release(work.restart())
            else:
                self.waiting.remove(work)

    def slack(self, now: float) -> float:
        """Seconds until the earliest deadline in flight; infinite if nobody has one."""
        deadlines = (work.urgency[1] for works in (self.running, self.waiting) for work in works)
        return min(deadlines, default=math.inf) - now

    def expired(self, now: float) -> list[Work]:
        """Requests whose deadline has passed."""
        works = (*self.running, *self.waiting)
        return [w for w in works if w.request.deadline_at is not None and w.request.deadline_at <= now]

    def plan(self) -> Plan:
        """Choose the next step's chunks; the blocks they write are held when this returns.

        Whoever lacks blocks is not overtaken, but by those whom its namespace's quota does not concern. If all that
        run wait for blocks of each other, the least urgent gives its up.
        """
        plan = self._fill(Plan(budget=self.budget))
        while not plan.chunks and len(self.running) > 1:
            self._send_back(max(self.running, key=by_urgency))
            plan = self._fill(Plan(budget=self.budget, preempted=plan.preempted + 1))
        return plan

    def _fill(self, plan: Plan) -> Plan:
        blocked: set[bytes] = set()
        for work in self._in_order():
            if plan.budget <= 0 or len(plan.chunks) >= self.max_requests:
                break
            if work in plan.works or (not work.blocks and work.salt in blocked):
                continue
            if work.blocks:
                has_room = self._continue(work, plan)
            elif has_room := self._begin(work, plan):
                self._gather_companions(work, plan)
            if not has_room:
                blocked |= self._held_up_by(work)
        return plan

    def _held_up_by(self, work: Work) -> set[bytes]:
        """Namespaces that may not begin while a request lacks blocks: its own if that is at its quota, else all."""
        if self.cache.fits_quota(work.total_blocks - len(work.blocks), work.salt):
            return {other.salt for other in self.waiting}
        return {work.salt}

    def commit(self, plan: Plan) -> list[Work]:
        """Note that a step was computed; returns the requests it finished, their blocks let go."""
        finished = []
        for chunk in plan.chunks:
            work = chunk.work
            work.done = work.task.settle(chunk.stop)
            self._offer(work, work.done)
            if work.finished:
                finished.append(work)
                self.running.remove(work)
                self.cache.release(work.blocks)
                work.blocks = []
        return finished

    def abort(self, plan: Plan) -> list[Work]:
        """Undo a step that failed; returns its requests, taken out. Others that hoped for its blocks start again."""
        for block in plan.fresh:
            self.cache.forget(block)
        failed = [chunk.work for chunk in plan.chunks]
        self.remove(failed)
        for work in [work for work in self.running if not plan.fresh.isdisjoint(work.blocks)]:
            self._send_back(work)
        return failed

    def _in_order(self) -> Iterator[Work]:
        works = merge(sorted(self.running, key=by_urgency), list(self.waiting), key=by_urgency)
        return works if self._shares is None else self._shares.order(works)

    def _begin(self, work: Work, plan: Plan) -> bool:
        found = self._find(work)
        needed = work.total_blocks - len(found)
        try:
            taken = self._take(work, needed, plan)
        except OutOfBlocks:
            self.cache.release(found)
            return False
        self.waiting.remove(work)
        self.running.append(work)
        work.place(found + taken)
        self._credit(work, found, plan)
        plan.begun.append(work)
        self._continue(work, plan)
        return True

    def _take(self, work: Work, count: int, plan: Plan) -> list[int]:
        """Blocks for a request, from those it outranks if need be. Raises OutOfBlocks if even theirs are too few."""
        busy = plan.works
        victims = sorted((w for w in self.running if work.outranks(w) and w not in busy), key=by_urgency)
        if not self.cache.fits_quota(count, work.salt):
            victims = [victim for victim in victims if victim.salt == work.salt]
        spare = sum(len(victim.blocks) for victim in victims)
        while True:
            try:
                return self.cache.take(count, work.salt)
            except OutOfBlocks:
                if not victims or count > self.cache.pool.free + self.cache.cached + spare:
                    raise
                self._send_back(victims.pop())
                plan.preempted += 1

    def _send_back(self, work: Work) -> None:
        self.running.remove(work)
        self.cache.release(work.restart())
        insort(self.waiting, work, key=by_urgency)

    def _continue(self, work: Work, plan: Plan) -> bool:
        """Compute more of a request that runs; False if it lacks blocks."""
        self._adopt(work, plan)
        self._weigh_guesses(work, plan)
        if not self._grow(work, plan):
            return False
        stop = work.prompt.cut(work.done, plan.budget)
        if stop > work.done:
            plan.chunks.append(Chunk(work, work.done, stop))
            plan.budget -= stop - work.done
            if self._shares is not None:
                self._shares.charge(work, stop - work.done)
            plan.fresh.update(self._offer(work, stop))
        return True

    def _weigh_guesses(self, work: Work, plan: Plan) -> None:
        """Take back what is guessed where that is likely to cost more than it saves, or somebody else the step."""
        guessed, others = work.prompt.total - work.prompt.certain, len(self.running)
        if guessed and (work.prompt.odds < others / (others + STEP_ROWS) or plan.budget < others + guessed):
            work.prompt.guess(())

    def _grow(self, work: Work, plan: Plan) -> bool:
        """Get the blocks for what became known since it began; False if it has to wait for them."""
        missing = work.total_blocks - len(work.blocks)
        if missing <= 0:
            return True
        try:
            taken = self._take(work, missing, plan)
        except OutOfBlocks:
            work.prompt.guess(())
            return work.total_blocks <= len(work.blocks)
        self.cache.follow(work.blocks[-1], taken)
        work.place(work.blocks + taken)
        return True

    def _offer(self, work: Work, stop: int) -> list[int]:
        """Let the cache keep what is full and certain up to a position; returns what it did not have."""
        full = min(stop, work.prompt.cacheable) // BLOCK
        if full <= work.kept:
            return []
        self.cache.chain(work.salt, work.prompt.digests, work.keys)
        indices, work.kept = range(work.kept, full), full
        return [
            work.blocks[index]
            for index in indices
            if self.cache.keep(work.blocks[index], work.keys[index], work.content(index))
        ]

    def _find(self, work: Work) -> list[int]:
        found: list[int] = []
        for index, key in enumerate(work.keys[: work.prompt.findable // BLOCK]):
            block = self.cache.find(key, work.content(index), work.salt)
            if block is None:
                break
            found.append(block)
        return found

    def _credit(self, work: Work, found: list[int], plan: Plan) -> None:
        shared = BLOCK * len(plan.fresh.intersection(found))
        work.shared += shared
        work.cached += BLOCK * len(found) - shared
        work.done += BLOCK * len(found)
        work.kept = max(work.kept, work.done // BLOCK)

    def _adopt(self, work: Work, plan: Plan) -> None:
        """Use what others have computed since this request began, instead of computing it again."""
        findable = min(len(work.keys), work.prompt.findable // BLOCK)
        while work.done % BLOCK == 0 and (index := work.done // BLOCK) < findable:
            block = self.cache.find(work.keys[index], work.content(index), work.salt)
            if block is None:
                return
            own = work.blocks[index]
            work.place([*work.blocks[:index], block, *work.blocks[index + 1 :]])
            self.cache.release([own])
            self._credit(work, [block], plan)

    def _gather_companions(self, leader: Work, plan: Plan) -> None:
        """Begin requests of the leader's priority and prefix in the same step, while the budget lasts."""
        if not leader.keys:
            return
        for work in self.waiting[:COMPANIONS]:
            alike = work.keys[:1] == leader.keys[:1] and work.request.priority == leader.request.priority
            room = plan.budget > 0 and len(plan.chunks) < self.max_requests
            if alike and room and not self._begin(work, plan):
                return
