"""What a step costs is learned from steps, and hangs do not mislead."""

import random

import pytest

from inference.engine.cost import Load, StepCost, span


def true_s(load: Load) -> float:
    """A machine: 5 ms a step, 40 ms for 1,000 positions, 8 ms for a million reads."""
    return 0.005 + 40e-6 * load.positions + 8e-9 * load.reads


def loads(count: int) -> list[Load]:
    """Chunks of 16 to 600 positions that begin anywhere."""
    rng = random.Random(3)
    starts = [rng.randrange(0, 1500) for _ in range(count)]
    return [span(start, start + rng.randrange(16, 600)) for start in starts]


@pytest.fixture
def learned() -> StepCost:
    cost = StepCost()
    for load in loads(64):
        cost.learn(load, true_s(load))
    return cost


def test_nothing_is_predicted_from_a_few_steps():
    cost = StepCost()
    for load in loads(15):
        cost.learn(load, true_s(load))

    assert not cost.known


@pytest.mark.parametrize("load", [span(0, 512), span(400, 512), span(0, 64)])
def test_a_step_is_predicted_to_the_percent(learned, load):
    assert learned.seconds(load, budget=2048) == pytest.approx(true_s(load), rel=0.01)


def test_each_step_of_a_long_load_costs_its_fixed_part(learned):
    once, thrice = (learned.seconds(span(0, 600), budget=budget) for budget in (600, 200))

    assert thrice - once == pytest.approx(2 * 0.005, rel=0.02)


def test_a_step_that_hung_hardly_moves_the_line(learned):
    learned.learn(span(0, 512), 3.0)
    for load in loads(7):
        learned.learn(load, true_s(load))

    assert learned.seconds(span(0, 512), budget=512) == pytest.approx(true_s(span(0, 512)), rel=0.05)


def test_a_machine_that_slowed_down_is_followed(learned):
    for load in loads(64):
        learned.learn(load, 2 * true_s(load))

    assert learned.seconds(span(0, 512), budget=512) == pytest.approx(2 * true_s(span(0, 512)), rel=0.02)


def test_steps_that_are_all_alike_predict_the_next_one():
    cost = StepCost()
    for _ in range(40):
        cost.learn(span(400, 512), 0.012)

    assert cost.seconds(span(400, 512), budget=512) == pytest.approx(0.012, rel=0.01)


def test_nothing_to_do_takes_no_time(learned):
    assert learned.seconds(Load(0, 0), budget=512) == 0.0
