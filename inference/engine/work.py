"""A request on its way through the engine: what it holds and how far it got."""

from concurrent.futures import Future
from dataclasses import dataclass, field

import numpy as np

from inference.api import Answer, ScoreRequest, ScoreResult
from inference.engine.blocks import BLOCK
from inference.engine.prefix import CONTENT_BYTES
from inference.engine.prompt import IntArray, Prompt

NO_DEADLINE = float("inf")


@dataclass(eq=False, kw_only=True)
class Work:
    """State of one request; only the engine's thread touches it once it is submitted.

    Attributes:
        salt: of its namespace; owner of its blocks.
        keys: of the record's full blocks.
        arrival: counts submissions; settles ties.
        blocks: for the record's full blocks in order, then the private ones; empty while it waits.
        slots: [P] where in the pool each position in line is, or will be, written.
        done: positions in line that the pool holds.
        hoped: positions that the cache held when it arrived.
        cached, shared: positions found rather than computed; see `inference.api.Usage`.
        answers: of the questions whose last position was computed.
        urgency: sorts the most urgent first: priority, then earliest deadline, then arrival.
    """

    request: ScoreRequest
    prompt: Prompt
    salt: bytes
    keys: list[bytes]
    arrival: int
    submitted_at: float
    future: "Future[ScoreResult]" = field(default_factory=Future)
    started_at: float | None = None
    blocks: list[int] = field(default_factory=list)
    slots: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    done: int = 0
    hoped: int = 0
    cached: int = 0
    shared: int = 0
    answers: list[Answer] = field(default_factory=list)
    urgency: tuple[int, float, int] = field(init=False)

    def __post_init__(self) -> None:
        deadline = self.request.deadline_at
        self.urgency = (int(self.request.priority), NO_DEADLINE if deadline is None else deadline, self.arrival)

    @property
    def total_blocks(self) -> int:
        """Blocks it needs with nothing found in the cache."""
        return self.prompt.full_blocks + self.prompt.private_blocks

    @property
    def finished(self) -> bool:
        """Whether every position was computed."""
        return self.done == self.prompt.total

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
        self.slots = (table[:, None] * BLOCK + np.arange(BLOCK)).reshape(-1)[: self.prompt.total]

    def restart(self) -> list[int]:
        """Forget all progress; returns the blocks to let go of."""
        blocks, self.blocks = self.blocks, []
        self.done = self.cached = self.shared = 0
        self.answers = []
        return blocks


@dataclass(frozen=True, slots=True)
class Chunk:
    """Positions ``start`` to ``stop`` in a request's line, to be computed in one step."""

    work: Work
    start: int
    stop: int
