"""Who computes what in which step, and that no block is lost, leaked or read before it is written."""

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference.api import OutOfBlocks, Priority
from inference.engine.blocks import BLOCK, BlockPool
from inference.engine.prefix import PrefixCache
from inference.engine.prompt import lay_out
from inference.engine.scheduler import Plan, Scheduler
from inference.engine.work import Work
from tests.inference.engine.requests import ask, tokens

LINES = {seed: tokens(120, seed=seed) for seed in (1, 2)}


class Desk:
    """A scheduler with a memory: what each slot was last written with."""

    def __init__(self, *, blocks: int = 24, quota: int = 16, budget: int = 64) -> None:
        self.cache = PrefixCache(BlockPool(blocks), salt_key=b"k" * 16, model_digest="m", namespace_blocks=quota)
        self.scheduler = Scheduler(self.cache, max_batch_positions=budget)
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


@settings(max_examples=60, stateful_step_count=25, deadline=None)
class Traffic(RuleBasedStateMachine):
    """Any order of submitting, stepping, failing, cancelling, expiring and purging."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk()
        self.scheduler, self.cache = self.desk.scheduler, self.desk.cache
        self.now = 0.0

    @property
    def works(self) -> list[Work]:
        return [*self.scheduler.running, *self.scheduler.waiting]

    @rule(
        line=st.sampled_from(sorted(LINES)),
        length=st.integers(0, 120),
        asked=st.lists(st.integers(1, 20), min_size=1, max_size=4),
        namespace=st.sampled_from(["bank", "hospital"]),
        priority=st.sampled_from(Priority),
        lasts=st.none() | st.integers(1, 5),
    )
    def submit(self, line, length, asked, namespace, priority, lasts) -> None:
        suffixes = [tokens(count, seed=count) for count in asked]
        deadline_at = None if lasts is None else self.now + lasts
        work = self.desk.work(
            LINES[line][:length], *suffixes, namespace=namespace, priority=priority, deadline_at=deadline_at
        )
        self.scheduler.admit(work)

    @precondition(lambda self: self.works)
    @rule()
    def step(self) -> None:
        for work in self.desk.step():
            assert work.cached + work.shared <= work.prompt.record

    @precondition(lambda self: self.works)
    @rule()
    def fail(self) -> None:
        self.scheduler.abort(self.desk.plan())

    @precondition(lambda self: self.works)
    @rule(data=st.data())
    def cancel(self, data) -> None:
        self.scheduler.remove([data.draw(st.sampled_from(self.works))])

    @rule()
    def expire(self) -> None:
        self.now += 1.0
        self.scheduler.remove(self.scheduler.expired(self.now))

    @rule(namespace=st.sampled_from(["bank", "hospital"]))
    def purge(self, namespace) -> None:
        self.cache.purge(self.cache.salt(namespace))
        for block in self.cache.take_soiled():
            assert self.cache.pool.count_of(block) == 0

    @invariant()
    def nothing_is_lost(self) -> None:
        self.cache.check()
        held = {block for work in self.scheduler.running for block in work.blocks}
        assert self.cache.used == len(held)

    def teardown(self) -> None:
        for _ in range(200):
            if self.works:
                self.desk.step()
        assert not self.works, "a request starves"
        assert self.cache.used == 0


TestTraffic = Traffic.TestCase


def test_the_most_urgent_goes_first_then_the_earliest_deadline():
    desk = Desk(budget=32)
    desk.submit(LINES[1][:30], priority=Priority.NORMAL, deadline_at=9.0)
    desk.submit(LINES[2][:30], priority=Priority.NORMAL, deadline_at=5.0)
    desk.submit(tokens(30, seed=3), priority=Priority.INTERACTIVE)

    assert [desk.chunks() for _ in range(3)] == [[("r2", 0, 32)], [("r1", 0, 32)], [("r0", 0, 32)]]


def test_a_long_record_is_computed_in_chunks_beside_others():
    desk = Desk(budget=64)
    desk.submit(LINES[1][:100])
    desk.submit(LINES[2][:20])

    assert desk.chunks() == [("r0", 0, 64)]
    assert desk.chunks() == [("r0", 64, 102), ("r1", 0, 22)]


def test_requests_with_one_prefix_compute_it_once_in_the_same_step():
    desk = Desk()
    first, second = desk.submit(LINES[1][:40]), desk.submit(LINES[1][:40])

    assert desk.chunks() == [("r0", 0, 42), ("r1", 32, 42)]
    assert (first.shared, second.shared, second.cached) == (0, 32, 0)


def test_requests_with_the_leaders_prefix_overtake_others_of_their_priority():
    desk = Desk(budget=64)
    desk.submit(LINES[1][:40])
    desk.submit(LINES[2][:40])
    desk.submit(LINES[1][:40])

    assert desk.chunks() == [("r0", 0, 42), ("r2", 32, 42)]


def test_a_record_being_read_in_chunks_is_adopted_by_the_next_one():
    desk = Desk(budget=48)
    desk.submit(LINES[1][:100])
    desk.step()
    late = desk.submit(LINES[1][:100])
    desk.step()
    desk.step()
    desk.step()

    assert (late.cached + late.shared, late.finished) == (96, True)


def test_an_urgent_request_takes_blocks_from_the_least_urgent():
    desk = Desk(blocks=8, quota=8, budget=16)
    slow = desk.submit(LINES[1][:100], priority=Priority.BATCH)
    desk.step()
    desk.submit(LINES[2][:100], priority=Priority.INTERACTIVE)

    assert desk.chunks() == [("r1", 0, 16)]
    assert (slow.done, slow.blocks, desk.scheduler.waiting) == (0, [], [slow])


def test_an_equally_urgent_request_waits():
    desk = Desk(blocks=8, quota=8, budget=16)
    desk.submit(LINES[1][:100])
    desk.step()
    desk.submit(LINES[2][:100])

    assert desk.chunks() == [("r0", 16, 32)]


def test_a_namespace_at_its_quota_does_not_hold_up_another():
    desk = Desk(blocks=24, quota=8, budget=64)
    desk.submit(LINES[1][:100], namespace="bank")
    desk.step()
    desk.submit(LINES[2][:100], namespace="bank")
    desk.submit(LINES[2][:20], namespace="hospital")

    assert desk.chunks() == [("r0", 64, 102), ("r2", 0, 22)]


def test_a_request_that_could_never_run_is_refused():
    desk = Desk(blocks=24, quota=4)

    with pytest.raises(OutOfBlocks, match="needs 7 blocks, and may have 4"):
        desk.submit(LINES[1][:100])

    assert desk.scheduler.waiting == []


def test_a_failed_steps_blocks_are_not_found_again():
    desk = Desk()
    desk.submit(LINES[1][:40])
    failed = desk.scheduler.abort(desk.scheduler.plan())
    again = desk.submit(LINES[1][:40])
    desk.step()

    assert [work.request.id for work in failed] == ["r0"]
    assert (again.cached, desk.cache.used) == (0, 0)
