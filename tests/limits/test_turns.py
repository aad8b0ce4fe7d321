"""A few requests of a process compute at once; who rests lets another one compute."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from apps.api.limits.turns import PatientBody, Turns, resting
from tests.limits.makers import wait_for

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


def test_turns_come_in_the_order_in_which_they_were_waited_for():
    turns, order = Turns(at_once=1), list[int]()
    ready: list[threading.Event] = []

    def compute(number: int) -> None:
        ready[number].set()
        with turns.taken():
            order.append(number)

    def are_waiting(count: int) -> bool:
        return turns.waiting == count

    threads = [threading.Thread(target=compute, args=(number,)) for number in range(6)]
    with turns.taken():
        for number, thread in enumerate(threads):
            ready.append(threading.Event())
            thread.start()
            assert ready[number].wait(WAIT_S)
            wait_for(partial(are_waiting, number + 1))
    for thread in threads:
        thread.join(WAIT_S)

    assert order == list(range(6))
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


class SlowBody(io.BytesIO):
    """Gives nothing until it is let."""

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.asked, self.let = threading.Event(), threading.Event()

    def read(self, size: int | None = -1) -> bytes:
        self.asked.set()
        assert self.let.wait(WAIT_S)
        return super().read(size)


def test_a_body_that_does_not_come_keeps_no_turn():
    turns, slow = Turns(at_once=1), SlowBody(b"late")

    def serve() -> bytes:
        with turns.taken():
            return PatientBody(slow, turns).read()

    with ThreadPoolExecutor(max_workers=1) as pool:
        first = pool.submit(serve)
        assert slow.asked.wait(WAIT_S)
        with turns.taken():
            slow.let.set()
            assert turns.busy == 1
        body = first.result(timeout=WAIT_S)

    assert (body, turns.busy) == (b"late", 0)


def test_a_body_is_read_by_lines_too():
    turns = Turns()
    body = PatientBody(io.BytesIO(b"one\ntwo\nthree"), turns)

    with turns.taken():
        assert body.readline() == b"one\n"
        assert list(body) == [b"two\n", b"three"]
