"""Who computes what in which step, and that no block is lost, leaked or read before it is written."""

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from inference.api import OutOfBlocks, Priority
from inference.engine.work import Work
from tests.inference.engine.desk import LINES, Desk, expected
from tests.inference.engine.requests import tokens


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

    @rule(
        line=st.sampled_from(sorted(LINES)),
        length=st.integers(1, 120),
        max_tokens=st.integers(1, 60),
        namespace=st.sampled_from(["bank", "hospital"]),
        priority=st.sampled_from(Priority),
        speculate=st.booleans(),
    )
    def write(self, line, length, max_tokens, namespace, priority, speculate) -> None:
        self.desk.write(
            LINES[line][:length],
            namespace=namespace,
            priority=priority,
            max_tokens=max_tokens,
            speculate=speculate,
        )

    @precondition(lambda self: self.works)
    @rule(times=st.integers(1, 20))
    def step(self, times) -> None:
        for work in [work for _ in range(times) for work in self.desk.step()]:
            assert work.cached + work.shared <= work.prompt.record
            written = [*work.prompt.tokens[len(work.request.record) : work.prompt.total].tolist()]
            assert written == expected(work)

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
        for _ in range(2000):
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

    assert desk.chunks() == [("r2", 0, 22), ("r0", 64, 102)]


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


def guessing(works: int) -> Desk:
    """A desk with so many generations that read their records, and all guess one token that is likely to be right."""
    desk = Desk(blocks=400, quota=400, budget=2000)
    for index in range(works):
        desk.write((*tokens(17, seed=index), *tokens(3, seed=1)), max_tokens=30)
    desk.step()
    for work in desk.scheduler.running:
        work.prompt.guess([5], odds=0.6)
    return desk


def rows_of(desk: Desk) -> list[int]:
    """Positions of each request in the next step."""
    return [chunk.stop - chunk.start for chunk in desk.plan().chunks]


def test_guesses_are_computed_where_few_run_and_left_where_many_do():
    assert rows_of(guessing(30)) == [2] * 30
    assert rows_of(guessing(33)) == [1] * 33


def test_guesses_take_nobodys_place_in_a_step():
    desk = guessing(16)
    desk.scheduler.budget = 20

    assert sorted(rows_of(desk)) == [1] * 14 + [2] * 2
