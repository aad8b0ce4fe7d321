"""Namespaces of one priority take turns by what was computed for them; deadlines decide within a namespace."""

from inference.api import Priority
from tests.inference.engine.desk import LINES, Desk
from tests.inference.engine.requests import tokens


def served(desk: Desk, steps: int) -> str:
    """Whose positions so many steps computed, by the namespace's first letter."""
    return "".join(plan_of(desk) for _ in range(steps))


def plan_of(desk: Desk) -> str:
    plan = desk.plan()
    desk.run(plan)
    desk.scheduler.commit(plan)
    return "".join(chunk.work.request.namespace[0] for chunk in plan.chunks)


def flood(desk: Desk, count: int, namespace: str, **changes) -> None:
    """Requests of 32 positions, nothing of which is shared."""
    for _ in range(count):
        desk.submit(tokens(30, seed=desk.arrivals + 100), namespace=namespace, **changes)


def test_a_newcomer_does_not_wait_for_a_flood():
    desk = Desk(budget=32)
    flood(desk, 6, "noisy")
    flood(desk, 2, "quiet")

    assert served(desk, 6) == "nqnqnn"


def test_without_turns_it_does():
    desk = Desk(budget=32, fair=False)
    flood(desk, 6, "noisy")
    flood(desk, 2, "quiet")

    assert served(desk, 8) == "nnnnnnqq"


def test_an_early_deadline_buys_no_turn_of_another_namespace():
    desk = Desk(budget=32)
    flood(desk, 4, "noisy", deadline_at=5.0)
    flood(desk, 2, "quiet", deadline_at=9.0)

    assert served(desk, 4) == "nqnq"


def test_turns_are_by_positions_not_by_requests():
    desk = Desk(budget=128)
    desk.submit(LINES[1][:94], namespace="long")
    desk.submit(LINES[2][:94], namespace="long")
    flood(desk, 4, "short")

    assert served(desk, 3) == "lssslsl"


def test_who_rests_earns_no_credit():
    desk = Desk(budget=32)
    flood(desk, 1, "quiet")
    flood(desk, 8, "noisy")
    served(desk, 6)

    flood(desk, 3, "quiet")

    assert served(desk, 5) == "qnqnq"


def test_within_a_namespace_the_earliest_deadline_goes_first():
    desk = Desk(budget=32)
    late = desk.submit(LINES[1][:30], namespace="bank", deadline_at=9.0)
    early = desk.submit(LINES[2][:30], namespace="bank", deadline_at=5.0)

    served(desk, 1)

    assert (early.finished, late.finished) == (True, False)


def test_a_higher_priority_does_not_wait_for_turns():
    desk = Desk(budget=32)
    flood(desk, 3, "noisy", priority=Priority.INTERACTIVE)
    flood(desk, 1, "quiet", priority=Priority.BATCH)

    assert served(desk, 4) == "nnnq"


def test_work_of_one_priority_does_not_count_in_another():
    desk = Desk(budget=32)
    flood(desk, 4, "noisy", priority=Priority.BATCH)
    served(desk, 4)
    flood(desk, 1, "noisy", priority=Priority.INTERACTIVE, deadline_at=1.0)
    flood(desk, 1, "quiet", priority=Priority.INTERACTIVE, deadline_at=2.0)

    assert served(desk, 2) == "nq"


def test_nobody_takes_blocks_from_another_namespace_of_its_priority():
    desk = Desk(blocks=8, quota=8, budget=16)
    desk.submit(LINES[1][:100], namespace="bank", deadline_at=9.0)
    desk.step()
    desk.submit(LINES[2][:100], namespace="hospital", deadline_at=1.0)

    assert desk.chunks() == [("r0", 16, 32)]


def test_an_earlier_deadline_takes_blocks_in_its_own_namespace():
    desk = Desk(blocks=8, quota=8, budget=16)
    desk.submit(LINES[1][:100], deadline_at=9.0)
    desk.step()
    desk.submit(LINES[2][:100], deadline_at=1.0)

    assert desk.chunks() == [("r1", 0, 16)]


def test_a_step_computes_for_so_many_requests_at_most():
    desk = Desk(budget=128, max_batch_requests=2)
    flood(desk, 3, "bank")

    assert served(desk, 2) == "bbb"
    assert desk.scheduler.running == []
