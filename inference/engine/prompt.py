"""A request laid out as arrays, once, before it enters the engine's thread.

Its positions stand in one line: the record, then each question's own positions. A question's positions
attend to the record and to themselves only, so their position ids all start where the record ends. A
generation has no questions: its record grows by every token that is chosen.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

import numpy as np
from numpy.typing import NDArray

from inference.api import (
    EventPosition,
    EventSchema,
    GenerateRequest,
    InvalidRequest,
    Position,
    ScoreRequest,
    TokenPosition,
    WindowExceeded,
)
from inference.engine.blocks import BLOCK

IntArray = NDArray[np.int64]
SHORT = 16  # positions; a question up to this length is never cut in two


@dataclass(slots=True, kw_only=True, eq=False)
class Prompt:
    """What a request asks the model to read.

    P positions in line, E of them events; R is at least P, and more where the line may grow.

    Attributes:
        record: positions of the record.
        branches: (start, stop) in line of every question.
        total: P.
        certain: positions before the first that is only guessed; P where nothing is.
        odds: the share of what is guessed that is likely to be right.
        position_ids: [R].
        tokens: [R] token ids; -1 where an event stands.
        event_at: [E] where in line the events stand, ascending.
        events: [E, packed bytes] uint8.
        digests: of the record's certain positions, concatenated.
    """

    record: int
    branches: tuple[tuple[int, int], ...]
    total: int
    certain: int
    position_ids: IntArray
    tokens: IntArray
    event_at: IntArray
    events: NDArray[np.uint8]
    digests: bytes
    odds: float = 0.0

    @property
    def capacity(self) -> int:
        """R, the most positions the line may ever have."""
        return len(self.tokens)

    @property
    def cacheable(self) -> int:
        """Positions whose full blocks may be left in the cache."""
        return min(self.record, self.certain)

    @property
    def findable(self) -> int:
        """Positions whose full blocks may be read from the cache: what follows them is still to be asked."""
        return self.record if self.branches else self.certain - 1

    def cut(self, start: int, budget: int) -> int:
        """Where a chunk that begins at ``start`` and has ``budget`` positions at most has to stop.

        Inside the record a cut falls on a multiple of 16, and never inside a short question. Returns
        ``start`` if nothing fits.
        """
        stop = min(start + budget, self.total)
        if stop < self.cacheable:
            return max(start, stop - stop % BLOCK)
        for first, last in self.branches:
            if first < stop < last and last - first <= SHORT:
                return max(start, first)
        return stop

    def append(self, tokens: Sequence[int]) -> None:
        """Go on with tokens that are certain; what was guessed is taken back."""
        stop = self.certain + len(tokens)
        self.tokens[self.certain : stop] = tokens
        self.digests += b"".join([TokenPosition(token).digest for token in tokens])
        self.record = self.total = self.certain = stop

    def guess(self, tokens: Sequence[int], *, odds: float = 0.0) -> None:
        """Go on with tokens that may be taken back, in place of earlier guesses. They are never cached."""
        self.record = self.total = self.certain + len(tokens)
        self.tokens[self.certain : self.total] = tokens
        self.odds = odds

    def guesses(self) -> list[int]:
        """The tokens that are only guessed."""
        guessed: list[int] = self.tokens[self.certain : self.total].tolist()
        return guessed


def lay_out(request: ScoreRequest, *, schema: EventSchema | None, window: int, vocabulary: int) -> Prompt:
    """Check a request against a checkpoint and turn its positions into arrays.

    Raises:
        WindowExceeded: the record and a question are together longer than ``window``.
        InvalidRequest: an event the checkpoint has no encoder for, a token or label outside its vocabulary.
    """
    record = len(request.record)
    lengths = [len(question.positions) for question in request.questions]
    _check_window(record + max(lengths), window)
    if any(not 0 <= label < vocabulary for question in request.questions for label in question.labels):
        raise InvalidRequest("a label is outside the vocabulary")
    line = list(chain(request.record, *(question.positions for question in request.questions)))
    ids = np.concatenate([np.arange(record), *(record + np.arange(length) for length in lengths)])
    branches = tuple(pairwise(accumulate(lengths, initial=record)))
    return _lay_out(line, record, branches, ids, schema=schema, vocabulary=vocabulary)


def lay_out_growing(request: GenerateRequest, *, schema: EventSchema | None, window: int, vocabulary: int) -> Prompt:
    """`lay_out` for a generation; the line has room for every token it may become.

    Raises:
        WindowExceeded: the record and ``max_tokens`` are together longer than ``window``.
        InvalidRequest: as `lay_out`.
    """
    record = len(request.record)
    capacity = record + request.max_tokens
    _check_window(capacity, window)
    return _lay_out(request.record, record, (), np.arange(capacity), schema=schema, vocabulary=vocabulary)


def _check_window(positions: int, window: int) -> None:
    if positions > window:
        raise WindowExceeded(f"{positions} positions do not fit a window of {window}")


def _lay_out(
    line: Sequence[Position],
    record: int,
    branches: tuple[tuple[int, int], ...],
    position_ids: IntArray,
    *,
    schema: EventSchema | None,
    vocabulary: int,
) -> Prompt:
    tokens = np.zeros(len(position_ids), dtype=np.int64)
    tokens[: len(line)] = [p.token if isinstance(p, TokenPosition) else -1 for p in line]
    events = [p.packed for p in line if isinstance(p, EventPosition)]
    event_at = np.flatnonzero(tokens < 0)
    if len(event_at) != len(events) or (tokens >= vocabulary).any():
        raise InvalidRequest("a token is outside the vocabulary")
    return Prompt(
        record=record,
        branches=branches,
        total=len(line),
        certain=len(line),
        position_ids=position_ids,
        tokens=tokens,
        event_at=event_at,
        events=_event_rows(events, schema),
        digests=b"".join([position.digest for position in line[:record]]),
    )


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
