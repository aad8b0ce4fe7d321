"""Notices an engine step that never ends."""

import threading
from collections.abc import Callable


class Watchdog:
    """Calls ``on_stall`` once if a step lasts longer than ``timeout_s``.

    The engine brackets every step with `begin` and `end`; a thread of its own looks on.
    """

    def __init__(self, *, timeout_s: float, clock: Callable[[], float], on_stall: Callable[[], None]) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._on_stall = on_stall
        self._began_at: float | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look on."""
        self._stopped.clear()
        self._thread = threading.Thread(target=self._watch, name="engine-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no longer."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def begin(self) -> None:
        """A step begins."""
        self._began_at = self._clock()

    def end(self) -> None:
        """The step is over."""
        self._began_at = None

    def is_stalled(self) -> bool:
        """Whether the step in progress has lasted too long."""
        began_at = self._began_at
        return began_at is not None and self._clock() - began_at > self._timeout_s

    def _watch(self) -> None:
        while not self._stopped.wait(min(1.0, self._timeout_s / 4)):
            if self.is_stalled():
                self._on_stall()
                return
