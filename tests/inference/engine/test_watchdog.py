"""A step that hangs is noticed, a long silence between steps is not."""

import threading

from inference.engine.watchdog import Watchdog


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_step_that_lasts_too_long_is_a_stall():
    clock = Clock()
    watchdog = Watchdog(timeout_s=5.0, clock=clock, on_stall=lambda: None)
    watchdog.begin()

    clock.now += 5.0
    within = watchdog.is_stalled()
    clock.now += 0.1

    assert (within, watchdog.is_stalled()) == (False, True)


def test_no_step_is_no_stall():
    clock = Clock()
    watchdog = Watchdog(timeout_s=5.0, clock=clock, on_stall=lambda: None)
    watchdog.begin()
    watchdog.end()

    clock.now += 1000.0

    assert not watchdog.is_stalled()


def test_a_stall_is_told_once_and_by_itself():
    clock, told = Clock(), threading.Semaphore(0)
    watchdog = Watchdog(timeout_s=0.04, clock=clock, on_stall=told.release)
    watchdog.start()
    watchdog.begin()

    clock.now += 1.0

    assert told.acquire(timeout=5.0)
    watchdog.stop()
    assert not told.acquire(blocking=False)
