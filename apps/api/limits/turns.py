"""Who computes: of the requests inside a process, a few at a time; the others wait without wanting the interpreter.

A thread that wants Python's one interpreter delays every other that does, and most of all one that has only a
refusal to say. Requests that wait for a worker's answer give up their turn meanwhile.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar

# Enough to overlap what they ask of PostgreSQL. Ten times the capacity, answered asynchronously: 36 a second scored
# of 35 that could be, refusals within 26 ms at the 99th percentile; with all 32 computing, 29 of 36 and 425 ms
# (2 cores, 2026-11-25).
AT_ONCE = 8


class Turns:
    """So many threads compute at once. Safe from any thread.

    One that comes back from resting goes on at once, beyond the bound if need be: what is nearly done is not
    overtaken by what begins.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._busy = 0
        self._changed = threading.Condition()

    @property
    def busy(self) -> int:
        """How many threads have a turn."""
        return self._busy

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn and have it until the block is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._busy < self._at_once)
            self._busy += 1
        token = _mine.set(self)
        try:
            yield
        finally:
            _mine.reset(token)
            self._end()

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Let others compute until the block is left."""
        self._end()
        try:
            yield
        finally:
            with self._changed:
                self._busy += 1

    def _end(self) -> None:
        with self._changed:
            self._busy -= 1
            self._changed.notify()


_mine: ContextVar[Turns | None] = ContextVar("turn", default=None)


@contextmanager
def resting() -> Iterator[None]:
    """Let another request compute until the block is left; nothing where no turn was taken."""
    turns = _mine.get()
    with nullcontext() if turns is None else turns.given_up():
        yield
