"""Where everything of one step lies: the batch's rows, the pool's slots, the tiles of attention.

Attention's arithmetic must not depend on what else is in the batch, on what was cached or on where a
chunk starts. What fixes a row's bits is the length of the keys it is multiplied with, since that decides
the order of summation; so a record's row always sees keys up to the end of its *absolute* tile of 128
positions, future ones masked and missing ones zero. The number of rows beside it is free: measured for
bf16 and fp32 matmuls and 8 to 256 rows, a row's bits did not depend on it (2026-11-23), and
tests/inference/engine/test_bits.py holds that.

A question of up to 16 positions is computed in a *fan*: all of a request's questions multiply the same
gathered record at once, and each its own few keys apart from that. A longer question is laid out as a
record of its own, behind a copy of the record's keys.
"""

from dataclasses import dataclass, field
from itertools import groupby

import numpy as np
import torch
from torch import Tensor

from inference.config import DENSE, SparsePattern
from inference.engine.prompt import SHORT, IntArray
from inference.engine.sight import TILE, UNBOUNDED
from inference.engine.work import Chunk

ROWS = 16  # rows of a tile are a multiple of this, so that no matmul falls to a kernel for few rows
ZERO_SLOT, SINK_SLOT = 0, 1  # of block 0: always zero; where padding rows write


@dataclass(frozen=True, slots=True)
class Tile:
    """Rows of one sequence within one absolute tile.

    Attributes:
        at, rows: place among the packed rows.
        keys_at, keys: place among the gathered keys; a multiple of `TILE`.
        first: the first row's place in its absolute tile, 0 to `TILE` - 1.
        whole_from: the absolute tile from which on a sparse pattern hides nothing: where a long question begins.
    """

    at: int
    rows: int
    keys_at: int
    keys: int
    first: int
    whole_from: int


@dataclass(frozen=True, slots=True)
class Fan:
    """Short questions over one record.

    Attributes:
        at, branches, width: packed rows are ``branches * width``.
        keys_at, keys: the gathered record, as in `Tile`.
        last: the record's last position's place in its absolute tile.
        own_at: the questions' own gathered keys, ``width`` each.
    """

    at: int
    branches: int
    width: int
    keys_at: int
    keys: int
    last: int
    own_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """One step, as every layer needs it.

    T rows in the batch, R packed rows, C gathered slots.

    Attributes:
        write_slots: [T].
        read_slots: [C].
        tiles, fans: cover the packed rows.
        packed: [R] row of the batch behind each packed row.
        home: [T] packed row of each row of the batch; any for a padding row.
        pattern: which tiles of a record are seen.
    """

    write_slots: Tensor
    read_slots: Tensor
    tiles: tuple[Tile, ...]
    fans: tuple[Fan, ...]
    packed: IntArray
    home: IntArray
    pattern: SparsePattern = DENSE
    _indices: dict[int, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def narrowed(self, wanted: Tensor) -> "Layout":  # noqa: ARG002 - `Spans.narrowed`'s
        """The same: tiles are computed whole."""
        return self

    def indices(self, groups: int) -> tuple[Tensor, Tensor]:
        """How to bring each tile's rows of one key head together, and back.

        Returns:
            [R * G] rows of [T * G], then [T * G] rows of [R * G].
        """
        if groups not in self._indices:
            self._indices[groups] = self._index(groups)
        return self._indices[groups]

    def _index(self, groups: int) -> tuple[Tensor, Tensor]:
        every: tuple[Tile | Fan, ...] = (*self.tiles, *self.fans)
        parts = sorted((part.at, rows_of(part)) for part in every)
        at, rows = (np.repeat(column, [size for _, size in parts]) for column in zip(*parts, strict=True))
        heads = np.arange(groups)
        place = (at * groups + np.arange(len(at)) - at)[:, None] + heads * rows[:, None]
        pack = np.empty(len(at) * groups, dtype=np.int64)
        pack[place] = self.packed[:, None] * groups + heads
        device = self.write_slots.device
        return torch.from_numpy(pack).to(device), torch.from_numpy(place[self.home].reshape(-1)).to(device)


def rows_of(part: Tile | Fan) -> int:
    """Packed rows of a tile or a fan."""
    return part.rows if isinstance(part, Tile) else part.branches * part.width


class LayoutBuilder:
    """Collects the chunks of one step."""

    def __init__(self, *, fans: bool, pattern: SparsePattern = DENSE) -> None:
        self._fans_allowed, self._pattern = fans, pattern
        self._written: list[IntArray] = []
        self._read: list[IntArray] = []
        self._packed: list[IntArray] = []
        self._home: list[tuple[IntArray, IntArray]] = []
        self._tiles: list[Tile] = []
        self._fans: list[Fan] = []
        self._rows = self._keys = self._packed_rows = 0

    def add(self, chunk: Chunk) -> None:
        """Lay out one chunk behind those before it."""
        prompt, slots = chunk.work.prompt, chunk.work.slots
        row = self._rows - chunk.start  # of the batch, for position 0 in line
        self._written.append(slots[chunk.start : chunk.stop])
        self._rows += chunk.stop - chunk.start
        branches = [(a, b) for a, b in prompt.branches if a < chunk.stop and b > chunk.start]
        reach = prompt.record if branches else chunk.stop
        short = [(a, b) for a, b in branches if self._is_short(b - a, prompt.record)]
        keys_at = 0
        if short or chunk.start < prompt.record:
            keys_at = self._gather(slots[:reach], -(-reach // TILE) * TILE)
        if chunk.start < prompt.record:
            stop = min(chunk.stop, prompt.record)
            self._sequence(row + chunk.start, chunk.start, stop, keys_at)
        for width, group in groupby(sorted(short, key=_width), key=_width):
            self._fan(row, list(group), width, keys_at, prompt.record, slots)
        for a, b in branches:
            if not self._is_short(b - a, prompt.record):
                first, last = max(a, chunk.start), min(b, chunk.stop)
                own = np.concatenate([slots[: prompt.record], slots[a:last]])
                own_at = self._gather(own, -(-len(own) // TILE) * TILE)
                whole_from = max(prompt.record - 1, 0) // TILE
                self._sequence(row + first, prompt.record + first - a, prompt.record + last - a, own_at, whole_from)

    def build(self, *, rows: int, device: torch.device) -> Layout:
        """The step's layout, its batch filled up to ``rows`` rows."""
        padding = np.full(rows - self._rows, SINK_SLOT, dtype=np.int64)
        home = np.zeros(rows, dtype=np.int64)
        for batch_rows, packed_rows in self._home:
            home[batch_rows] = packed_rows
        return Layout(
            write_slots=torch.from_numpy(np.concatenate([*self._written, padding])).to(device),
            read_slots=torch.from_numpy(np.concatenate(self._read)).to(device),
            tiles=tuple(self._tiles),
            fans=tuple(self._fans),
            packed=np.concatenate(self._packed),
            home=home,
            pattern=self._pattern,
        )

    def _is_short(self, length: int, record: int) -> bool:
        return self._fans_allowed and record > 0 and length <= SHORT

    def _gather(self, slots: IntArray, length: int) -> int:
        padded = np.full(length, ZERO_SLOT, dtype=np.int64)
        padded[: len(slots)] = slots
        self._read.append(padded)
        self._keys += length
        return self._keys - length

    def _pack(self, rows: IntArray, real: IntArray) -> int:
        """Append packed rows, of which those at ``real`` are wanted; returns the first one's place."""
        self._packed.append(rows)
        self._home.append((rows[real], self._packed_rows + real))
        self._packed_rows += len(rows)
        return self._packed_rows - len(rows)

    def _sequence(self, row: int, start: int, stop: int, keys_at: int, whole_from: int = UNBOUNDED) -> None:
        """Positions ``start`` to ``stop`` of a sequence whose keys begin at ``keys_at``."""
        for tile in range(start // TILE, -(-stop // TILE)):
            first, last = max(start, tile * TILE), min(stop, (tile + 1) * TILE)
            rows = np.full(-(-(last - first) // ROWS) * ROWS, row + first - start, dtype=np.int64)
            rows[: last - first] = np.arange(row + first - start, row + last - start)
            keys = (tile + 1) * TILE
            at = self._pack(rows, np.arange(last - first))
            self._tiles.append(Tile(at, len(rows), keys_at, keys, first - tile * TILE, whole_from))

    def _fan(
        self, row: int, group: list[tuple[int, int]], width: int, keys_at: int, record: int, slots: IntArray
    ) -> None:
        step = max(1, ROWS // width)
        branches = -(-len(group) // step) * step
        rows = np.full((branches, width), row + group[0][0], dtype=np.int64)
        own = np.full((branches, width), ZERO_SLOT, dtype=np.int64)
        for index, (a, b) in enumerate(group):
            rows[index] = row + a
            rows[index, : b - a] = np.arange(row + a, row + b)
            own[index, : b - a] = slots[a:b]
        own_at = self._gather(own.reshape(-1), own.size)
        keys = -(-record // TILE) * TILE
        at = self._pack(rows.reshape(-1), np.flatnonzero(own.reshape(-1)))
        self._fans.append(Fan(at, branches, width, keys_at, keys, (record - 1) % TILE, own_at))


def _width(branch: tuple[int, int]) -> int:
    length = branch[1] - branch[0]
    return 4 if length <= 4 else 8 if length <= 8 else SHORT
