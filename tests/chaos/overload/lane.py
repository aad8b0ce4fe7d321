"""An engine of one lane: so much time for each request, one after the other.

``LANE_MS`` in a worker's environment puts it in place and says how much; ``LANE_STARTS`` names the file that gets
a line for each inference begun: how many seconds were left until its deadline.
"""

import os
import threading
import time
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue

from apps.jobs import runtime
from apps.jobs.runtime import Runtime, ServedModel
from apps.registry import services as registry
from inference.api import DeadlineExceeded, ScoreRequest, ScoreResult
from tests.engines import SCRIPTED, ScriptedEngine

CARD = {"calibration": {"method": "platt", "slope": 1.0, "intercept": 0.0, "prior": 0.01, "version": "scripted"}}


class OneLane(ScriptedEngine):
    """Answers one request after the other; begins none after its deadline."""

    def __init__(self, *, lane_s: float, starts: Path) -> None:
        super().__init__()
        self._lane_s = lane_s
        self._starts = starts.open("a", buffering=1)
        self._waiting: SimpleQueue[tuple[ScoreRequest, Future[ScoreResult]]] = SimpleQueue()
        threading.Thread(target=self._work, name="lane", daemon=True).start()

    def submit(self, request: ScoreRequest) -> "Future[ScoreResult]":
        """Take a place in the lane."""
        future: Future[ScoreResult] = Future()
        self._waiting.put((request, future))
        return future

    def _work(self) -> None:
        while True:
            request, future = self._waiting.get()
            left_s = (request.deadline_at or time.monotonic() + 60.0) - time.monotonic()
            if left_s <= 0:
                future.set_exception(DeadlineExceeded("the deadline passed before the lane was free"))
                continue
            self._starts.write(f"{left_s:.4f}\n")
            time.sleep(self._lane_s)
            future.set_result(super().submit(request).result())


def _start(_versions: object, *, pool: str) -> Runtime:
    engine = OneLane(lane_s=float(os.environ["LANE_MS"]) / 1000, starts=Path(os.environ["LANE_STARTS"]))
    running = Runtime(engine, {"risk": ServedModel(version="1", ref=SCRIPTED, window=512, card=CARD)})
    runtime.install(running)
    return running


def _one() -> list[str]:
    return ["scripted"]


def install() -> None:
    """Let the worker of this process start the lane instead of a model."""
    runtime.start = _start  # type: ignore[assignment]
    registry.champions = _one  # type: ignore[assignment]
