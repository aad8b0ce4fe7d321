"""Where a job runs alone: nobody else's work is near it when it may take its process down.

A job that was lost with its worker may be what ended that worker, or may only have been near. Before its
last attempt nobody can tell; so that attempt runs by itself in its process. What is poisonous then dies
alone, and what was only unlucky is done. Shown by tests/chaos/test_poison.py.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Room:
    """Entered by many together, or by one alone. Who wants to be alone goes before all who come later.

    Invariant: while somebody is alone, nobody else is inside.
    """

    def __init__(self) -> None:
        self._door = threading.Condition()
        self._inside = 0
        self._wants_solitude = 0
        self._is_alone = False

    @contextmanager
    def together(self) -> Iterator[None]:
        """Be inside with others."""
        with self._door:
            self._door.wait_for(lambda: not self._is_alone and not self._wants_solitude)
            self._inside += 1
        try:
            yield
        finally:
            with self._door:
                self._inside -= 1
                self._door.notify_all()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until all have left, and keep everybody out."""
        with self._door:
            self._wants_solitude += 1
            self._door.wait_for(lambda: not self._is_alone and not self._inside)
            self._wants_solitude -= 1
            self._is_alone = True
        try:
            yield
        finally:
            with self._door:
                self._is_alone = False
                self._door.notify_all()


ROOM = Room()
