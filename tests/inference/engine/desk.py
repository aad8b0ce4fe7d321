"""A scheduler without a model, whose memory is a dictionary."""

from typing import Any

import torch
from torch.nn.functional import one_hot

from inference.api import GenerateRequest
from inference.engine.answering import Answering
from inference.engine.blocks import BLOCK, BlockPool
from inference.engine.generation.telling import Telling
from inference.engine.generation.writing import Writing
from inference.engine.prefix import PrefixCache
from inference.engine.prompt import lay_out, lay_out_growing
from inference.engine.readout import Readout
from inference.engine.scheduler import Plan, Scheduler
from inference.engine.work import Work
from tests.inference.engine.generations import write
from tests.inference.engine.requests import ask, tokens

LINES = {seed: tokens(120, seed=seed) for seed in (1, 2)}


STOP = 11


def next_token(line: list[int]) -> int:
    """Of a dozen tokens, so that sequences come round again and guesses are sometimes right; the last one ends."""
    return sum(line[-3:]) % 12


def expected(work: Work) -> object:
    """What a request's line has beyond its record in the end: its questions, or what the model says step by step."""
    request = work.request
    if not isinstance(request, GenerateRequest):
        return work.prompt.tokens[work.prompt.record :].tolist()
    line: list[int] = work.prompt.tokens[: len(request.record)].tolist()
    while len(line) < len(request.record) + request.max_tokens and (token := next_token(line)) != STOP:
        line.append(token)
    return line[len(request.record) :]


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
        task = Answering(request, prompt)
        return Work(
            request=request, prompt=prompt, task=task, salt=salt, keys=keys, arrival=self.arrivals, submitted_at=0.0
        )

    def submit(self, *args, **changes) -> Work:
        work = self.work(*args, **changes)
        self.scheduler.admit(work)
        return work

    def write(self, record=(), **changes) -> Work:
        """A generation that waits."""
        request = write(record, id=f"r{self.arrivals}", **changes)
        prompt = lay_out_growing(request, schema=None, window=512, vocabulary=64)
        salt = self.cache.salt(request.namespace)
        keys = self.cache.chain(salt, prompt.digests)
        task = Writing(request, prompt, telling=Telling(None, ()), stop_tokens=frozenset({STOP}))
        self.arrivals += 1
        work = Work(
            request=request, prompt=prompt, task=task, salt=salt, keys=keys, arrival=self.arrivals, submitted_at=0.0
        )
        self.scheduler.admit(work)
        return work

    def content(self, work: Work, index: int) -> object:
        """What has to stand at a place in line: all that was read up to there, or the request's own."""
        own = work.prompt.branches and index >= work.prompt.record
        return (work, index) if own else (work.salt, tuple(work.prompt.tokens[: index + 1].tolist()))

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

    def read(self, plan: Plan) -> None:
        """As a model would that knows the next token by the three before it."""
        for chunk in plan.chunks:
            if isinstance(chunk.work.task, Writing):
                line = chunk.work.prompt.tokens.tolist()
                following = [next_token(line[: place + 1]) for place in chunk.work.task.places(chunk.start, chunk.stop)]
                logits = one_hot(torch.tensor(following, dtype=torch.int64), 64).float()
                chunk.work.task.read(Readout(logits), range(len(following)), 0.0)

    def step(self) -> list[Work]:
        plan = self.plan()
        self.run(plan)
        self.read(plan)
        return self.scheduler.commit(plan)

    def chunks(self) -> list[tuple[str, int, int]]:
        """Of the next step, which is then made."""
        plan = self.plan()
        self.run(plan)
        self.scheduler.commit(plan)
        return [(chunk.work.request.id, chunk.start, chunk.stop) for chunk in plan.chunks]
