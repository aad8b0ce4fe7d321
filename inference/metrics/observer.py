"""What an engine tells of itself while it works.

`EngineObserver` is the seam: the engine calls it from its own thread, so that an implementation
must be quick and must not raise.
"""

# ruff: noqa: ARG002 - an observer that does not care for something does nothing with it

from dataclasses import dataclass
from typing import Protocol

from inference.api import EngineStats, GenerateResult, ScoreResult


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """One forward pass of the engine.

    Attributes:
        model: name of the checkpoint that ran.
        requests: sequences that took part.
        positions: computed in this step.
        cached_positions: read from blocks of earlier requests, for requests that began in this step.
        shared_positions: computed for another request of this step, for requests that began in it.
        preemptions: requests that lost their blocks in this step and start again.
        budget: positions that it might have computed.
        next_budget: positions that the next one may.
        duration_s: from the batch's build to its results.
        stats: the engine just after the step.
    """

    model: str
    requests: int
    positions: int
    cached_positions: int
    shared_positions: int
    preemptions: int
    budget: int
    next_budget: int
    duration_s: float
    stats: EngineStats


class EngineObserver(Protocol):
    """Hears of every step, result and failure. Who derives from it hears of what it has a method for."""

    def on_step(self, report: StepReport) -> None:
        """A forward pass ended."""
        return

    def on_result(self, model: str, result: ScoreResult, latency_s: float) -> None:
        """A request was answered; ``latency_s`` from its submission."""
        return

    def on_generated(self, model: str, result: GenerateResult, latency_s: float) -> None:
        """A generation ended as it should; ``latency_s`` from its submission."""
        return

    def on_failure(self, model: str, code: str) -> None:
        """A request ended with an `EngineError` of this code."""
        return

    def on_purge(self, model: str, blocks: int) -> None:
        """A namespace's cached blocks were forgotten; how many."""
        return
