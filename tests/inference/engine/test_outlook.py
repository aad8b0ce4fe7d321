"""Who would be late is told before anything is computed for it, and nobody else."""

import pytest

from inference.api import Priority, Shed
from inference.engine.budget import TokenBudget
from inference.engine.cost import Load, span
from inference.engine.outlook import Outlook, ahead_of
from inference.engine.scheduler import Plan
from inference.engine.work import Chunk
from tests.inference.engine.desk import LINES, Desk
from tests.inference.engine.requests import tokens

WORK_S = 0.01 + 0.001 * 102  # a record of 100 and a question of 2 alone, on the machine below


def outlook_of(budget: int = 1024) -> Outlook:
    """It has seen steps of 10 ms and 1 ms a position."""
    outlook = Outlook(TokenBudget(ceiling=budget))
    for positions in range(16, 96):
        outlook.cost.learn(Load(positions, 0), 0.01 + 0.001 * positions)
    return outlook


@pytest.fixture
def desk() -> Desk:
    return Desk(blocks=64, quota=64, budget=1024)


def shed_at_arrival(desk: Desk, outlook: Outlook, *, deadline_at: float | None, seed: int = 5) -> Shed | None:
    """What a request that comes at time 0 is told; None if it is let in."""
    work = desk.work(tokens(100, seed=seed), deadline_at=deadline_at)
    try:
        outlook.check_arrival(work, desk.scheduler, desk.cache, 0.0)
    except Shed as shed:
        return shed
    return None


def test_who_has_time_enough_is_let_in(desk):
    assert shed_at_arrival(desk, outlook_of(), deadline_at=WORK_S) is None


def test_who_would_be_late_by_a_third_is_shed_with_the_wait_that_was_predicted(desk):
    desk.submit(LINES[1][:100], deadline_at=0.01)

    shed = shed_at_arrival(desk, outlook_of(), deadline_at=1.3 * WORK_S)

    assert shed is not None
    assert "which is too late" in str(shed)
    assert shed.wait_s == pytest.approx(WORK_S, rel=0.01)
    assert shed.own_s == pytest.approx(WORK_S, rel=0.01)


def test_a_request_without_a_deadline_waits_as_long_as_it_takes(desk):
    for _ in range(3):
        desk.submit(LINES[1][:100], deadline_at=0.01)

    assert shed_at_arrival(desk, outlook_of(), deadline_at=None) is None
    assert shed_at_arrival(desk, outlook_of(), deadline_at=WORK_S) is not None


def test_a_young_engine_sheds_nobody(desk):
    assert shed_at_arrival(desk, Outlook(TokenBudget(ceiling=1024)), deadline_at=1e-6) is None


def test_what_the_cache_holds_takes_no_time(desk):
    desk.submit(tokens(100, seed=5))
    desk.step()

    assert shed_at_arrival(desk, outlook_of(), deadline_at=0.02, seed=5) is None
    assert shed_at_arrival(desk, outlook_of(), deadline_at=0.02, seed=6) is not None


def test_small_steps_take_longer(desk):
    assert shed_at_arrival(desk, outlook_of(budget=1024), deadline_at=WORK_S) is None
    assert shed_at_arrival(desk, outlook_of(budget=16), deadline_at=WORK_S) is not None


def test_a_flood_of_another_namespace_delays_no_more_than_a_turn(desk):
    for index in range(8):
        desk.submit(tokens(100, seed=index), namespace="noisy", deadline_at=0.001)

    mine = desk.work(tokens(30, seed=5), namespace="quiet")

    assert ahead_of(mine, desk.scheduler.waiting) == span(0, 32)


def test_lower_priorities_and_later_deadlines_are_not_ahead(desk):
    desk.submit(LINES[1][:100], priority=Priority.BATCH)
    desk.submit(LINES[1][:100], deadline_at=9.0)
    mine = desk.work(LINES[2][:100], deadline_at=5.0)

    assert ahead_of(mine, desk.scheduler.waiting) == Load(0, 0)


def test_what_a_running_request_has_done_is_no_longer_ahead(desk):
    desk.scheduler.budget = 64
    desk.submit(LINES[1][:100], deadline_at=1.0)
    desk.step()

    mine = desk.work(LINES[2][:100], deadline_at=5.0)

    assert ahead_of(mine, desk.scheduler.running) == span(64, 102)


def test_who_waited_until_it_is_too_late_is_shed_before_anything_is_computed(desk):
    late, in_time = (desk.submit(LINES[1][:100], deadline_at=at) for at in (1.0, 2.0))
    outlook = outlook_of()

    assert outlook.hopeless(desk.scheduler, 0.5) == []
    assert [work for work, _ in outlook.hopeless(desk.scheduler, 0.95)] == [late]
    assert not in_time.finished


def test_who_has_begun_is_not_shed(desk):
    desk.scheduler.budget = 64
    work = desk.submit(LINES[1][:100], deadline_at=1.0)
    desk.step()
    work.started_at = 0.0

    assert outlook_of().hopeless(desk.scheduler, 0.99) == []


def test_a_step_teaches_the_cost_and_the_budget(desk):
    outlook = outlook_of()
    plan = Plan(chunks=[Chunk(desk.work(LINES[1][:100]), 0, 100)])

    outlook.learn(plan, duration_s=0.2, slack_s=0.1)

    assert outlook.budget.positions == 256
