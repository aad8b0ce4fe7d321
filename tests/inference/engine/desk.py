"""A scheduler without a model, whose memory is a dictionary."""

from typing import Any

from inference.engine.blocks import BLOCK, BlockPool
from inference.engine.prefix import PrefixCache
from inference.engine.prompt import lay_out
from inference.engine.scheduler import Plan, Scheduler
from inference.engine.work import Work
from tests.inference.engine.requests import ask, tokens

LINES = {seed: tokens(120, seed=seed) for seed in (1, 2)}


class Desk:
    """A scheduler with a memory: what each slot was last written with."""

    def __init__(self, *, blocks: int = 24, quota: int = 16, budget: int = 64, **options: Any) -> None:
        self.cache = PrefixCache(BlockPool(blocks), salt_key=b"k" * 16, model_digest="m", namespace_blocks=quota)
        self.scheduler = Scheduler(self.cache, max_batch_positions=budget, **options)
        self.memory: dict[int, object] = {}
        self.arrivals = 0

    def work(self, record=(), *suffixes, **changes) -> Work:
        request = ask(record, *suffixes, id=f"r{self.arrivals}", **changes)
        prompt = lay_out(request, schema=None, window=512, vocabulary=64)
        salt = self.cache.salt(request.namespace)
        keys = self.cache.chain(salt, prompt.digests)
        self.arrivals += 1
        return Work(request=request, prompt=prompt, salt=salt, keys=keys, arrival=self.arrivals, submitted_at=0.0)

    def submit(self, *args, **changes) -> Work:
        work = self.work(*args, **changes)
        self.scheduler.admit(work)
        return work

    def content(self, work: Work, index: int) -> object:
        """What has to stand at a place in line: all that was read up to there, or the request's own."""
        own = index >= work.prompt.record
        return (work, index) if own else (work.salt, work.prompt.digests[: 16 * (index + 1)])

    def plan(self) -> Plan:
        """The next step; what was to be zeroed before it has been."""
        plan = self.scheduler.plan()
        for block in self.cache.take_soiled():
            for slot in range(block * BLOCK, (block + 1) * BLOCK):
                self.memory.pop(slot, None)
        return plan

    def run(self, plan: Plan) -> None:
        """As a forward pass does: everything is written, then everything is read."""
        for chunk in plan.chunks:
            for index in range(chunk.start, chunk.stop):
                self.memory[int(chunk.work.slots[index])] = self.content(chunk.work, index)
        for chunk in plan.chunks:
            for index in range(chunk.stop):
                assert self.memory[int(chunk.work.slots[index])] == self.content(chunk.work, index)

    def step(self) -> list[Work]:
        plan = self.plan()
        self.run(plan)
        return self.scheduler.commit(plan)

    def chunks(self) -> list[tuple[str, int, int]]:
        """Of the next step, which is then made."""
        plan = self.plan()
        self.run(plan)
        self.scheduler.commit(plan)
        return [(chunk.work.request.id, chunk.start, chunk.stop) for chunk in plan.chunks]
