"""A request laid out as arrays, once, before it enters the engine's thread.

Its positions stand in one line: the record, then each question's own positions. A question's positions
attend to the record and to themselves only, so their position ids all start where the record ends.
"""

from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

import numpy as np
from numpy.typing import NDArray

from inference.api import EventPosition, EventSchema, InvalidRequest, ScoreRequest, TokenPosition, WindowExceeded
from inference.engine.blocks import BLOCK

IntArray = NDArray[np.int64]
SHORT = 16  # positions; a question up to this length is never cut in two


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a request asks the model to read.

    P positions in line, E of them events.

    Attributes:
        record: positions of the record.
        branches: (start, stop) in line of every question.
        position_ids: [P].
        tokens: [P] token ids; -1 where an event stands.
        event_at: [E] where in line the events stand, ascending.
        events: [E, packed bytes] uint8.
        digests: of the record's positions, concatenated.
    """

    record: int
    branches: tuple[tuple[int, int], ...]
    position_ids: IntArray
    tokens: IntArray
    event_at: IntArray
    events: NDArray[np.uint8]
    digests: bytes

    @property
    def total(self) -> int:
        """Positions in line."""
        return len(self.tokens)

    @property
    def full_blocks(self) -> int:
        """Blocks that the record fills, and that may be cached."""
        return self.record // BLOCK

    @property
    def private_blocks(self) -> int:
        """Blocks for the record's rest and the questions."""
        return -(-(self.total - self.full_blocks * BLOCK) // BLOCK)

    def cut(self, start: int, budget: int) -> int:
        """Where a chunk that begins at ``start`` and has ``budget`` positions at most has to stop.

        Inside the record a cut falls on a multiple of 16, and never inside a short question. Returns
        ``start`` if nothing fits.
        """
        stop = min(start + budget, self.total)
        if stop < self.record:
            return max(start, stop - stop % BLOCK)
        for first, last in self.branches:
            if first < stop < last and last - first <= SHORT:
                return max(start, first)
        return stop


def lay_out(request: ScoreRequest, *, schema: EventSchema | None, window: int, vocabulary: int) -> Prompt:
    """Check a request against a checkpoint and turn its positions into arrays.

    Raises:
        WindowExceeded: the record and a question are together longer than ``window``.
        InvalidRequest: an event the checkpoint has no encoder for, a token or label outside its vocabulary.
    """
    record = len(request.record)
    lengths = [len(question.positions) for question in request.questions]
    if record + max(lengths) > window:
        raise WindowExceeded(f"{record + max(lengths)} positions do not fit a window of {window}")
    _check_labels(request, vocabulary)
    bounds = list(accumulate(lengths, initial=record))
    line = list(chain(request.record, *(question.positions for question in request.questions)))
    tokens = np.array([p.token if isinstance(p, TokenPosition) else -1 for p in line], dtype=np.int64)
    events = [p.packed for p in line if isinstance(p, EventPosition)]
    event_at = np.flatnonzero(tokens < 0)
    if len(event_at) != len(events) or (tokens >= vocabulary).any():
        raise InvalidRequest("a token is outside the vocabulary")
    return Prompt(
        record=record,
        branches=tuple(pairwise(bounds)),
        position_ids=np.concatenate([np.arange(record), *(record + np.arange(length) for length in lengths)]),
        tokens=tokens,
        event_at=event_at,
        events=_event_rows(events, schema),
        digests=b"".join([position.digest for position in request.record]),
    )


def _check_labels(request: ScoreRequest, vocabulary: int) -> None:
    if any(not 0 <= label < vocabulary for question in request.questions for label in question.labels):
        raise InvalidRequest("a label is outside the vocabulary")


def _event_rows(events: list[bytes], schema: EventSchema | None) -> NDArray[np.uint8]:
    if not events:
        return np.zeros((0, 0 if schema is None else schema.packed_bytes), dtype=np.uint8)
    if schema is None:
        raise InvalidRequest("this checkpoint reads tokens only")
    width = schema.packed_bytes
    if any(len(packed) != width for packed in events):
        raise InvalidRequest(f"an event of this checkpoint has {width} bytes")
    rows = np.frombuffer(b"".join(events), dtype=np.uint8).reshape(-1, width)
    codes = rows[:, 4 * len(schema.numbers) :].copy().view("<i4")
    sizes = np.array([category.size for category in schema.categories])
    if codes.size and ((codes < 0) | (codes >= sizes)).any():
        raise InvalidRequest("an event's code is outside its field")
    return rows
