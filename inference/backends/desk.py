"""What every adapter owes its callers, whatever it adapts: futures, cancelling, deadlines, a bound, draining."""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from inference.api import (
    Cancelled,
    DeadlineExceeded,
    EngineError,
    EngineStats,
    EngineStopped,
    GenerateRequest,
    GenerateResult,
    InvalidRequest,
    QueueFull,
    ScoreRequest,
    ScoreResult,
)
from inference.metrics import EngineObserver

logger = logging.getLogger(__name__)


@dataclass(eq=False, slots=True)
class Flight:
    """A request at the desk.

    Attributes:
        submitted_at, started_at: on the monotonic clock.
    """

    request: ScoreRequest | GenerateRequest
    submitted_at: float
    future: "Future[Any]" = field(default_factory=Future)
    started_at: float | None = None

    @property
    def abandoned(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.future.done()

    def left_s(self, limit_s: float) -> float:
        """Seconds until its deadline, at most ``limit_s``."""
        deadline = self.request.deadline_at
        return limit_s if deadline is None else max(0.001, min(limit_s, deadline - time.monotonic()))


class Desk:
    """Requests in flight, each worked on by one of a few threads.

    A request that is cancelled or late is answered at once; what its thread still finds out is dropped.
    """

    def __init__(self, *, workers: int, max_queue: int, observer: EngineObserver | None = None) -> None:
        self._max_queue = max_queue
        self._observer = observer
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="backend")
        self._changed = threading.Condition()
        self._flights: dict[str, Flight] = {}
        self._settling = 0
        self._open = True
        self._last_step_at = 0.0
        threading.Thread(target=self._watch_deadlines, name="backend-deadlines", daemon=True).start()

    def take(self, request: ScoreRequest | GenerateRequest, work: Callable[[Flight], object]) -> "Future[Any]":
        """Queue a request, to be settled with what ``work`` returns or with the EngineError it raises.

        Raises:
            EngineStopped, QueueFull, InvalidRequest: as `Engine.submit`.
        """
        flight = Flight(request, time.monotonic())
        flight.future.set_running_or_notify_cancel()
        with self._changed:
            if not self._open:
                raise EngineStopped("the backend takes no new requests")
            if sum(other.started_at is None for other in self._flights.values()) >= self._max_queue:
                raise QueueFull(f"{self._max_queue} requests are waiting")
            if request.id in self._flights:
                raise InvalidRequest("a request of this id is in flight")
            self._flights[request.id] = flight
            self._changed.notify_all()
            self._pool.submit(self._run, flight, work)
        return flight.future

    def cancel(self, request_id: str) -> bool:
        """See `Engine.cancel`."""
        with self._changed:
            flight = self._flights.get(request_id)
        return flight is not None and self._settle(flight, Cancelled("the request was cancelled"))

    def stats(self) -> EngineStats:
        """See `Engine.stats`; the blocks are somebody else's."""
        with self._changed:
            running = sum(flight.started_at is not None for flight in self._flights.values())
            waiting = len(self._flights) - running
        return EngineStats(
            running=running,
            waiting=waiting,
            blocks_free=0,
            blocks_cached=0,
            blocks_used=0,
            last_step_at=self._last_step_at,
        )

    def drain(self, *, timeout_s: float) -> bool:
        """See `Engine.drain`."""
        with self._changed:
            self._open = False
            return self._changed.wait_for(lambda: not self._flights and not self._settling, timeout=timeout_s)

    def close(self) -> None:
        """Take nothing more, and fail what is in flight."""
        with self._changed:
            self._open = False
            left = list(self._flights.values())
            self._changed.notify_all()
        for flight in left:
            self._settle(flight, EngineStopped("the backend stopped"))
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _run(self, flight: Flight, work: Callable[[Flight], object]) -> None:
        if flight.abandoned:
            return
        flight.started_at = time.monotonic()
        try:
            late = _deadline(flight) <= flight.started_at
            self._settle(flight, DeadlineExceeded("the deadline passed") if late else work(flight))
        except EngineError as error:
            self._settle(flight, error)
        except Exception as error:  # noqa: BLE001 - one request's failure must not end the backend
            logger.error("backend failed", extra={"error": type(error).__name__})  # noqa: TRY400 - texts may quote
            self._settle(flight, EngineError("the backend failed"))
        self._last_step_at = time.monotonic()

    def _settle(self, flight: Flight, ending: object) -> bool:
        """Give a request its ending; False if it had one."""
        with self._changed:
            if self._flights.get(flight.request.id) is not flight:
                return False
            del self._flights[flight.request.id]
            self._settling += 1
        if isinstance(ending, EngineError):  # outside of the lock: whoever waits may ask for more
            flight.future.set_exception(ending)
        else:
            flight.future.set_result(ending)
        self._tell(flight, ending)
        with self._changed:
            self._settling -= 1
            self._changed.notify_all()
        return True

    def _tell(self, flight: Flight, ending: object) -> None:
        if self._observer is None:
            return
        model, latency_s = flight.request.model, time.monotonic() - flight.submitted_at
        if isinstance(ending, ScoreResult):
            self._observer.on_result(model, ending, latency_s)
        elif isinstance(ending, GenerateResult):
            self._observer.on_generated(model, ending, latency_s)
        elif isinstance(ending, EngineError):
            self._observer.on_failure(model, ending.code)

    def _watch_deadlines(self) -> None:
        while True:
            with self._changed:
                if not self._open and not self._flights:
                    return
                now = time.monotonic()
                late = [flight for flight in self._flights.values() if _deadline(flight) <= now]
                if not late:
                    nearest = min(map(_deadline, self._flights.values()), default=float("inf"))
                    self._changed.wait(None if nearest == float("inf") else nearest - now)
            for flight in late:
                self._settle(flight, DeadlineExceeded("the deadline passed"))


def _deadline(flight: Flight) -> float:
    return float("inf") if flight.request.deadline_at is None else flight.request.deadline_at
