"""A step's budget rises while there is time, and falls when a deadline passed inside a step."""

import math

import hypothesis.strategies as st
import pytest
from hypothesis import given

from inference.engine.budget import TokenBudget

DURATIONS = st.floats(0.0, 10.0)
SLACKS = st.floats(-1.0, 10.0) | st.just(math.inf)


def after_misses(budget: TokenBudget, count: int) -> list[int]:
    """The budget after each of so many steps that took too long."""
    positions = []
    for _ in range(count):
        budget.observe(computed=budget.positions, duration_s=0.2, slack_s=0.1)
        positions.append(budget.positions)
    return positions


def after_full_steps(budget: TokenBudget, count: int, *, slack_s: float = math.inf) -> list[int]:
    """The budget after each of so many full steps of 20 ms."""
    positions = []
    for _ in range(count):
        budget.observe(computed=budget.positions, duration_s=0.02, slack_s=slack_s)
        positions.append(budget.positions)
    return positions


def test_it_begins_at_the_most_it_may_be():
    assert TokenBudget(ceiling=2048).positions == 2048


def test_a_miss_takes_three_tenths_down_to_the_floor():
    assert after_misses(TokenBudget(ceiling=1000), 5) == [700, 489, 342, 256, 256]


def test_a_small_step_that_missed_says_what_is_too_much():
    budget = TokenBudget(ceiling=2048)

    budget.observe(computed=500, duration_s=0.2, slack_s=0.1)

    assert budget.positions == 350


def test_full_steps_well_inside_the_slack_raise_it_by_64():
    budget = TokenBudget(ceiling=480)
    after_misses(budget, 3)

    assert after_full_steps(budget, 5, slack_s=10.0) == [320, 384, 448, 480, 480]


def test_a_step_that_was_not_full_says_nothing():
    budget = TokenBudget(ceiling=1000)
    after_misses(budget, 1)

    budget.observe(computed=100, duration_s=0.02, slack_s=10.0)

    assert budget.positions == 700


def test_a_step_that_took_most_of_the_slack_holds_it():
    budget = TokenBudget(ceiling=1000)
    after_misses(budget, 1)

    budget.observe(computed=700, duration_s=0.09, slack_s=0.1)

    assert budget.positions == 700


def test_a_tight_deadline_is_remembered_for_some_steps():
    budget = TokenBudget(ceiling=1000)
    after_misses(budget, 1)
    budget.observe(computed=700, duration_s=0.02, slack_s=0.025)

    assert after_full_steps(budget, 7) == [700, 700, 700, 700, 764, 828, 892]


def test_without_deadlines_it_stays_at_the_most():
    assert after_full_steps(TokenBudget(ceiling=2048), 2) == [2048, 2048]


def test_a_ceiling_below_the_floor_is_both():
    assert after_misses(TokenBudget(ceiling=64), 3) == [64, 64, 64]


def test_nothing_is_no_budget():
    with pytest.raises(ValueError, match="one position"):
        TokenBudget(ceiling=0)


@given(st.integers(1, 4096), st.lists(st.tuples(st.integers(0, 5000), DURATIONS, SLACKS), max_size=50))
def test_it_never_leaves_its_bounds(ceiling, steps):
    budget = TokenBudget(ceiling=ceiling)

    for computed, duration_s, slack_s in steps:
        budget.observe(computed=computed, duration_s=duration_s, slack_s=slack_s)

        assert budget.floor <= budget.positions <= ceiling
