"""Which share of the last seconds an engine computed."""

import threading
from collections import deque
from collections.abc import Callable

UTILIZATION_WINDOW_S = 15.0  # a usual interval between two scrapes


class BusyShare:
    """Which share of the last seconds was spent in steps. Safe from any thread."""

    def __init__(self, *, clock: Callable[[], float], window_s: float = UTILIZATION_WINDOW_S) -> None:
        self._clock = clock
        self._window_s = window_s
        self._steps: deque[tuple[float, float]] = deque()  # when it ended, how long it took
        self._lock = threading.Lock()

    def add(self, duration_s: float) -> None:
        """A step ended now."""
        with self._lock:
            self._steps.append((self._clock(), duration_s))
            self._forget()

    def share(self) -> float:
        """0-1; of an engine younger than the window, the share of the whole window still."""
        with self._lock:
            self._forget()
            began_at = self._clock() - self._window_s
            busy_s = sum(min(duration_s, ended_at - began_at) for ended_at, duration_s in self._steps)
        return min(1.0, busy_s / self._window_s)

    def _forget(self) -> None:
        began_at = self._clock() - self._window_s
        while self._steps and self._steps[0][0] <= began_at:
            self._steps.popleft()
