"""A request on its way through the engine: what it holds and how far it got."""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from inference.api import GenerateRequest, GenerateResult, ModelRef, ScoreRequest, ScoreResult
from inference.engine.blocks import BLOCK
from inference.engine.prefix import CONTENT_BYTES
from inference.engine.prompt import IntArray, Prompt
from inference.engine.readout import Readout

NO_DEADLINE = float("inf")
Result = ScoreResult | GenerateResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a request was served, for its result.

    Attributes:
        cached, shared: positions found rather than computed; see `inference.api.Usage`.
        submitted_at, started_at, ended_at: in seconds, on the engine's clock.
    """

    model: ModelRef
    cached: int
    shared: int
    submitted_at: float
    started_at: float
    ended_at: float

    @property
    def queue_ms(self) -> float:
        """From submission to the first step."""
        return 1000.0 * (self.started_at - self.submitted_at)

    @property
    def compute_ms(self) -> float:
        """From the first step to the end."""
        return 1000.0 * (self.ended_at - self.started_at)


class Task(Protocol):
    """What a request wants of the positions that are computed for it: answers, or what comes next."""

    @property
    def wants_logits(self) -> bool:
        """Whether it reads more than the likeliest token of its places."""

    def places(self, start: int, stop: int) -> Sequence[int]:
        """Positions in line whose logits are wanted, of those from ``start`` to ``stop``."""

    def read(self, readout: Readout, rows: range, now: float) -> None:
        """Take the logits of `places`. Raises EngineError if nothing can be made of them."""

    def settle(self, stop: int) -> int:
        """How many positions hold, after a step that computed them up to ``stop``."""

    def over(self, done: int) -> bool:
        """Whether nothing more is to be computed once ``done`` positions are."""

    def restart(self) -> None:
        """Its positions have to be computed again."""

    def result(self, serving: Serving) -> Result:
        """What the request's future gives, once it is over."""


@dataclass(eq=False, kw_only=True)
class Work:
    """State of one request; only the engine's thread touches it once it is submitted.

    Attributes:
        salt: of its namespace; owner of its blocks.
        keys: of the record's full blocks, as far as they were needed.
        arrival: counts submissions; settles ties.
        blocks: for the record's full blocks in order, then the private ones; empty while it waits.
        slots: where in the pool each position in line is, or will be, written; as many as the blocks have.
        done: positions in line that the pool holds.
        hoped: positions that the cache held when it arrived.
        kept: leading blocks that were offered to the cache.
        cached, shared: positions found rather than computed; see `inference.api.Usage`.
        urgency: sorts the most urgent first: priority, then earliest deadline, then arrival.
    """

    request: ScoreRequest | GenerateRequest
    prompt: Prompt
    task: Task
    salt: bytes
    keys: list[bytes]
    arrival: int
    submitted_at: float
    future: "Future[Any]" = field(default_factory=Future)
    started_at: float | None = None
    blocks: list[int] = field(default_factory=list)
    slots: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    done: int = 0
    hoped: int = 0
    kept: int = 0
    cached: int = 0
    shared: int = 0
    urgency: tuple[int, float, int] = field(init=False)

    def __post_init__(self) -> None:
        deadline = self.request.deadline_at
        self.urgency = (int(self.request.priority), NO_DEADLINE if deadline is None else deadline, self.arrival)

    @property
    def total_blocks(self) -> int:
        """Blocks it needs now, with nothing found in the cache."""
        return -(-self.prompt.total // BLOCK)

    @property
    def most_blocks(self) -> int:
        """Blocks it may come to need."""
        return -(-self.prompt.capacity // BLOCK)

    @property
    def finished(self) -> bool:
        """Whether nothing more is to be computed."""
        return self.task.over(self.done)

    def outranks(self, other: "Work") -> bool:
        """Whether it may take the other's blocks: by priority, or by urgency within one namespace.

        A partial order, so that no two requests take blocks from each other in turns.
        """
        if self.urgency[0] == other.urgency[0] and self.salt != other.salt:
            return False
        return self.urgency < other.urgency

    def content(self, block: int) -> bytes:
        """Digests of the positions in the record's block of that index."""
        return self.prompt.digests[block * CONTENT_BYTES : (block + 1) * CONTENT_BYTES]

    def place(self, blocks: list[int]) -> None:
        """Lay its positions into blocks, in order."""
        self.blocks = blocks
        table = np.array(blocks, dtype=np.int64)
        self.slots = (table[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)

    def restart(self) -> list[int]:
        """Forget all progress; returns the blocks to let go of."""
        blocks, self.blocks = self.blocks, []
        self.done = self.kept = self.cached = self.shared = 0
        self.task.restart()
        return blocks


@dataclass(frozen=True, slots=True)
class Chunk:
    """Positions ``start`` to ``stop`` in a request's line, to be computed in one step."""

    work: Work
    start: int
    stop: int
