"""What a caller may do with an engine."""

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Protocol

from inference.api.generation import GeneratedTokens, GenerateRequest, GenerateResult
from inference.api.scoring import ScoreRequest, ScoreResult


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """A moment of an engine's life, for health and metrics."""

    running: int
    waiting: int
    blocks_free: int
    blocks_cached: int
    blocks_used: int
    last_step_at: float = field(default=0.0)


class Engine(Protocol):
    """What a caller may do with an engine; safe from any thread."""

    def submit(self, request: ScoreRequest) -> "Future[ScoreResult]":
        """Queue a request. The future raises an `EngineError`; submit itself raises only QueueFull,
        UnknownModel, InvalidRequest, WindowExceeded and EngineStopped."""

    def generate(
        self, request: GenerateRequest, on_tokens: Callable[[GeneratedTokens], None] | None = None
    ) -> "Future[GenerateResult]":
        """Queue a generation; raises as `submit` does.

        ``on_tokens`` hears of every piece before the future is done. It runs on the engine's thread:
        it must be quick and must not raise.
        """

    def cancel(self, request_id: str) -> bool:
        """Give up a request; False if it is not in flight."""

    def purge(self, namespace: str) -> int:
        """Forget and zero every cached block of a namespace; returns how many."""

    def stats(self) -> EngineStats:
        """Where the engine stands now."""

    def drain(self, *, timeout_s: float) -> bool:
        """Refuse new requests and finish what is in flight; False if time ran out."""
