"""Who computes: of the requests inside a process, a few at a time; the others wait without wanting the interpreter.

A thread that wants Python's one interpreter delays every other that does, and most of all one that has only a
refusal to say. Requests that wait for a worker's answer, or for their own body, give up their turn meanwhile.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import IO

# Enough to overlap what they ask of PostgreSQL; more make each other slower, and who is refused at last with them.
AT_ONCE = 4


class Turns:
    """So many threads compute at once, in the order in which they came. Safe from any thread.

    One that comes back with an answer goes on at once, beyond the bound if need be: what is nearly done is not
    overtaken by what begins. One that comes back with its body is the next to have a turn.

    Whoever ends hands its turn on. With a condition that all wait for, newcomers took turns before those whom it had
    woken, and of 20,000 refusals beside a flood 200 came after 0.3 to 3 s (2026-11-25).
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._at_once = at_once
        self._busy = 0
        self._lock = threading.Lock()
        self._waiting: deque[threading.Lock] = deque()  # each released when its thread has a turn

    @property
    def busy(self) -> int:
        """How many threads have a turn."""
        return self._busy

    @property
    def waiting(self) -> int:
        """How many threads wait for one."""
        return len(self._waiting)

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn and have it until the block is left."""
        self._begin()
        token = _mine.set(self)
        try:
            yield
        finally:
            _mine.reset(token)
            self._end()

    @contextmanager
    def given_up(self) -> Iterator[None]:
        """Let others compute until the block is left, then go on at once."""
        self._end()
        try:
            yield
        finally:
            with self._lock:
                self._busy += 1

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Let others compute until the block is left, then have the next turn."""
        self._end()
        try:
            yield
        finally:
            self._begin(is_next=True)

    def _begin(self, *, is_next: bool = False) -> None:
        with self._lock:
            if self._busy < self._at_once and not self._waiting:
                self._busy += 1
                return
            mine = threading.Lock()
            mine.acquire()
            if is_next:
                self._waiting.appendleft(mine)
            else:
                self._waiting.append(mine)
        mine.acquire()

    def _end(self) -> None:
        with self._lock:
            self._busy -= 1
            while self._waiting and self._busy < self._at_once:
                self._busy += 1
                self._waiting.popleft().release()


_mine: ContextVar[Turns | None] = ContextVar("turn", default=None)


@contextmanager
def resting() -> Iterator[None]:
    """Let another request compute until the block is left; nothing where no turn was taken."""
    turns = _mine.get()
    with nullcontext() if turns is None else turns.given_up():
        yield


class PatientBody:
    """A request's body, read while others compute: whoever sends it slowly keeps no turn."""

    def __init__(self, body: IO[bytes], turns: Turns) -> None:
        self._body = body
        self._turns = turns

    def read(self, *size: int) -> bytes:
        """At most so many bytes; all there are if not said. Servers differ in what a negative size is to them."""
        with self._turns.lent():
            return self._body.read(*size)

    def readline(self, *size: int) -> bytes:
        """One line, at most so many bytes of it."""
        with self._turns.lent():
            return self._body.readline(*size)

    def readlines(self, *hint: int) -> list[bytes]:
        """The lines left."""
        with self._turns.lent():
            return self._body.readlines(*hint)

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line
