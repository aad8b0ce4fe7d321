"""A few requests of a process compute at once; who rests lets another one compute."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from apps.api.limits.turns import Turns, resting

WAIT_S = 5.0


def test_no_more_than_so_many_compute_at_once():
    turns, seen, together = Turns(at_once=3), [], threading.Barrier(3)

    def compute(_number: int) -> None:
        with turns.taken():
            together.wait(WAIT_S)
            seen.append(turns.busy)

    with ThreadPoolExecutor(max_workers=12) as pool:
        list(pool.map(compute, range(12)))

    assert max(seen) == 3
    assert turns.busy == 0


def test_one_that_rests_lets_another_compute_and_goes_on_at_once_when_it_has_rested():
    turns, began, rested = Turns(at_once=1), threading.Event(), threading.Event()

    def rest() -> int:
        with turns.taken(), resting():
            began.set()
            assert rested.wait(WAIT_S)
        return turns.busy

    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(rest)
        assert began.wait(WAIT_S)
        with turns.taken():
            rested.set()
            left_over = first.result(timeout=WAIT_S)

    assert left_over == 1  # the one that holds a turn here; the rested one did not wait for it
    assert turns.busy == 0


def test_a_turn_ends_with_the_error_that_ended_it():
    turns = Turns(at_once=1)

    with pytest.raises(LookupError), turns.taken(), resting():
        raise LookupError

    assert turns.busy == 0


def test_resting_without_a_turn_is_nothing():
    with resting():
        pass

    assert Turns().busy == 0
