"""The engine: one thread that steps, and a door that any thread may knock at."""

import gc
import logging
import math
import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from itertools import count
from typing import Any

import torch

from inference.api import (
    Cancelled,
    EngineError,
    EngineStats,
    EngineStopped,
    GeneratedTokens,
    GenerateRequest,
    GenerateResult,
    InvalidRequest,
    QueueFull,
    ScoreRequest,
    ScoreResult,
    UnknownModel,
)
from inference.checkpoints import LoadedModel
from inference.config import EngineConfig
from inference.engine.lane import Lane, Outcome, share_out
from inference.engine.scheduler import Plan
from inference.engine.watchdog import Watchdog
from inference.engine.work import Result, Work
from inference.metrics import EngineObserver, StepReport
from inference.team import TeamLost
from inference.threads import one_thread

logger = logging.getLogger(__name__)
STALLED_EXIT_CODE = 70


class EngineCore:
    """Serves several checkpoints within one memory budget; see `inference.api.Engine`.

    Requests enter through an inbox; the engine's thread alone touches what lies behind it. Between
    two steps it admits, cancels, purges and expires.
    """

    def __init__(
        self,
        models: Sequence[LoadedModel],
        config: EngineConfig,
        *,
        clock: Callable[[], float] = time.monotonic,
        on_stall: Callable[[], None] | None = None,
        observer: EngineObserver | None = None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._observer = observer
        with one_thread():
            lanes = [Lane(loaded, config, clock=clock) for loaded in models]
            share_out(lanes, config)
        self._lanes = {lane.loaded.name: lane for lane in lanes}
        self._on_stall = on_stall or _exit
        self._watchdog = Watchdog(timeout_s=config.stall_timeout_s, clock=clock, on_stall=self._on_stall)
        self._changed = threading.Condition()
        self._inbox: deque[Work] = deque()
        self._errands: deque[Callable[[], None]] = deque()
        self._flights: dict[str, Work] = {}
        self._unsettled = 0
        self._to_cancel: set[str] = set()
        self._arrivals = count()
        self._accepting = False
        self._running = False
        self._last_step_at = clock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to serve. What is in memory by now is left alone by the garbage collector."""
        gc.collect()
        gc.freeze()
        self._accepting = self._running = True
        self._thread = threading.Thread(target=self._loop, name="engine", daemon=True)
        self._thread.start()
        self._watchdog.start()

    def stop(self) -> None:
        """End the thread after its step; requests in flight raise EngineStopped."""
        with self._changed:
            self._accepting = self._running = False
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._watchdog.stop()

    def submit(self, request: ScoreRequest) -> "Future[ScoreResult]":
        """See `inference.api.Engine.submit`."""
        lane = self._lane_of(request)
        return self._enter(lane.enter(request, arrival=next(self._arrivals), now=self._clock()))

    def generate(
        self, request: GenerateRequest, on_tokens: Callable[[GeneratedTokens], None] | None = None
    ) -> "Future[GenerateResult]":
        """See `inference.api.Engine.generate`."""
        lane = self._lane_of(request)
        return self._enter(lane.enter_generation(request, on_tokens, arrival=next(self._arrivals), now=self._clock()))

    def cancel(self, request_id: str) -> bool:
        """See `inference.api.Engine.cancel`; takes effect before the next step."""
        with self._changed:
            if request_id not in self._flights:
                return False
            self._to_cancel.add(request_id)
            self._changed.notify_all()
            return True

    def purge(self, namespace: str) -> int:
        """See `inference.api.Engine.purge`; waits for the step in progress."""
        answer: Future[int] = Future()

        def errand() -> None:
            try:
                answer.set_result(sum(self._purged(lane, namespace) for lane in self._lanes.values()))
            except TeamLost as error:
                answer.set_exception(error)
                raise

        with self._changed:
            if not self._running:
                errand()
            else:
                self._errands.append(errand)
                self._changed.notify_all()
        return answer.result()

    def _purged(self, lane: Lane, namespace: str) -> int:
        blocks = lane.purge(namespace)
        if self._observer is not None:
            self._observer.on_purge(lane.loaded.name, blocks)
        return blocks

    def stats(self) -> EngineStats:
        """See `inference.api.Engine.stats`."""
        lanes = self._lanes.values()
        return EngineStats(
            running=sum(len(lane.scheduler.running) for lane in lanes),
            waiting=self._waiting(),
            blocks_free=sum(lane.cache.pool.free for lane in lanes),
            blocks_cached=sum(lane.cache.cached for lane in lanes),
            blocks_used=sum(lane.cache.used for lane in lanes),
            last_step_at=self._last_step_at,
        )

    def drain(self, *, timeout_s: float) -> bool:
        """See `inference.api.Engine.drain`."""
        with self._changed:
            self._accepting = False
            return self._changed.wait_for(lambda: not self._unsettled, timeout=timeout_s)

    def _lane_of(self, request: ScoreRequest | GenerateRequest) -> Lane:
        lane = self._lanes.get(request.model)
        if lane is None:
            raise UnknownModel("no checkpoint of that name is loaded")
        self._check_door(request)
        return lane

    def _enter(self, work: Work) -> "Future[Any]":
        work.future.set_running_or_notify_cancel()  # from here on only `cancel` gives it up
        with self._changed:
            self._check_door(work.request)
            self._flights[work.request.id] = work
            self._unsettled += 1
            self._inbox.append(work)
            self._changed.notify_all()
        return work.future

    def _check_door(self, request: ScoreRequest | GenerateRequest) -> None:
        if not self._accepting:
            raise EngineStopped("the engine takes no new requests")
        if self._waiting() >= self._config.max_queue:
            raise QueueFull(f"{self._config.max_queue} requests are waiting")
        if request.id in self._flights:
            raise InvalidRequest("a request of this id is in flight")

    def _waiting(self) -> int:
        return len(self._inbox) + sum(len(lane.scheduler.waiting) for lane in self._lanes.values())

    def _loop(self) -> None:
        torch.set_num_threads(self._config.threads)  # of this thread: OpenMP keeps the number by thread
        try:
            while self._attend():
                self._advance()
            self._end([Outcome(work, EngineStopped("the engine stopped")) for work in self._evict_all()])
        except TeamLost:
            self._accepting = False
            self._end([Outcome(work, EngineStopped("the engine lost a process")) for work in self._abandon()])
            self._on_stall()
        except BaseException:
            self._accepting = False
            self._on_stall()  # a broken invariant: no step will ever be made again
            raise

    def _abandon(self) -> list[Work]:
        """Everything in flight, without a thought to the blocks it holds: no step will ever be made again."""
        with self._changed:
            self._inbox.clear()
            return list(self._flights.values())

    def _advance(self) -> None:
        """Make one step of every model that has something to do."""
        for lane in self._lanes.values():
            if lane.scheduler.waiting or lane.scheduler.running:
                self._step(lane)

    def _attend(self) -> bool:
        """Wait for something to do, and do what is not a step; False when it is time to stop."""
        with self._changed:
            self._changed.wait_for(self._has_cause, timeout=self._patience_s())
            arrived = list(self._inbox)
            self._inbox.clear()
            errands = list(self._errands)
            self._errands.clear()
            cancelled = [self._flights[name] for name in self._to_cancel if name in self._flights]
            self._to_cancel.clear()
        endings = self._admit(arrived)
        lost = {outcome.work for outcome in endings}
        endings += [Outcome(w, Cancelled("the request was cancelled")) for w in self._take_out(set(cancelled) - lost)]
        endings += [outcome for lane in self._lanes.values() for outcome in lane.overdue(self._clock())]
        for errand in errands:
            errand()
        for lane in self._lanes.values():
            lane.settle()
        self._end(endings)
        return self._running

    def _admit(self, arrived: Iterable[Work]) -> list[Outcome]:
        refused = []
        for work in arrived:
            try:
                self._lanes[work.request.model].admit(work, self._clock())
            except EngineError as error:
                refused.append(Outcome(work, error))
        return refused

    def _patience_s(self) -> float | None:
        """Until an idle block's time to live is over; None if none has one."""
        expiry_at = min(lane.cache.next_expiry_at for lane in self._lanes.values())
        return None if math.isinf(expiry_at) else max(0.0, expiry_at - self._clock())

    def _has_cause(self) -> bool:
        busy = any(lane.scheduler.waiting or lane.scheduler.running for lane in self._lanes.values())
        return bool(busy or self._inbox or self._errands or self._to_cancel or not self._running)

    def _take_out(self, works: Iterable[Work]) -> list[Work]:
        taken = list(works)
        for work in taken:
            self._lanes[work.request.model].scheduler.remove([work])
        return taken

    def _evict_all(self) -> list[Work]:
        for work in self._inbox:
            self._lanes[work.request.model].scheduler.waiting.append(work)
        self._inbox.clear()
        return self._take_out(list(self._flights.values()))

    def _step(self, lane: Lane) -> None:
        began_at = self._clock()
        self._watchdog.begin()
        try:
            plan, endings = lane.step(clock=self._clock)
        except TeamLost:
            raise
        except Exception as error:  # noqa: BLE001 - one step's failure must not end the engine
            logger.error("engine step failed", extra=_describe(error, lane))  # noqa: TRY400 - see there
            self._end([Outcome(work, EngineError("the step failed")) for work in lane.take_failed()])
            return
        finally:
            self._watchdog.end()
            lane.settle()
            self._last_step_at = self._clock()
        self._report(lane, plan, self._last_step_at - began_at)
        self._end(endings)

    def _report(self, lane: Lane, plan: Plan, duration_s: float) -> None:
        if self._observer is None or not plan.chunks:
            return
        self._observer.on_step(
            StepReport(
                model=lane.loaded.name,
                requests=len(plan.chunks),
                positions=sum(chunk.stop - chunk.start for chunk in plan.chunks),
                cached_positions=sum(work.cached for work in plan.begun),
                shared_positions=sum(work.shared for work in plan.begun),
                preemptions=plan.preempted,
                budget=lane.scheduler.budget,
                next_budget=lane.outlook.budget.positions,
                duration_s=duration_s,
                stats=self.stats(),
            )
        )

    def _end(self, endings: Sequence[Outcome]) -> None:
        """Settle futures, outside of the lock, then let `drain` know."""
        for outcome in endings:
            work, ending = outcome.work, outcome.ending
            with self._changed:
                del self._flights[work.request.id]
            if isinstance(ending, EngineError):
                work.future.set_exception(ending)
            else:
                work.future.set_result(ending)
            self._tell(work, ending)
        if endings:
            with self._changed:
                self._unsettled -= len(endings)
                self._changed.notify_all()

    def _tell(self, work: Work, ending: Result | EngineError) -> None:
        if self._observer is None:
            return
        latency_s = self._clock() - work.submitted_at
        if isinstance(ending, ScoreResult):
            self._observer.on_result(work.request.model, ending, latency_s)
        elif isinstance(ending, GenerateResult):
            self._observer.on_generated(work.request.model, ending, latency_s)
        else:
            self._observer.on_failure(work.request.model, ending.code)


def _describe(error: Exception, lane: Lane) -> dict[str, str]:
    """What may be logged of an error: its type and its place. Its text may quote a record."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    return {"model": lane.loaded.name, "error": type(error).__name__, "where": where}


def _exit() -> None:
    """End the process at once: a thread that hangs inside a kernel cannot be ended otherwise."""
    logger.critical("an engine step hangs; ending the process")
    os._exit(STALLED_EXIT_CODE)
