"""Not asking again and again what is known to be dead."""

import threading
import time
from collections.abc import Callable


class Breaker:
    """Opens on the first failure, lets one caller try again after ``open_s``, closes on success."""

    def __init__(self, *, open_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._open_s = open_s
        self._clock = clock
        self._closed_at = 0.0
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether to try now. While open, one caller per ``open_s`` hears yes."""
        with self._lock:
            now = self._clock()
            if now < self._closed_at:
                return False
            if self._closed_at:
                self._closed_at = now + self._open_s
            return True

    def succeeded(self) -> None:
        """Close."""
        with self._lock:
            self._closed_at = 0.0

    def failed(self) -> None:
        """Open."""
        with self._lock:
            self._closed_at = self._clock() + self._open_s
