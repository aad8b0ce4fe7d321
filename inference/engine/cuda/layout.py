"""Where everything of one step lies on a device: sequences with gathered keys, and decode rows with block tables.

A record's and a question's rows are *sequences*: their keys are gathered from the pool into one ragged array.
What a generation adds are *decode rows*: each reads its whole context from the pool, through its blocks. Which of
the two a position is follows from the request alone, never from the batch, the cache or where a chunk starts, so
the same position is always computed by the same kernel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from inference.engine.blocks import BLOCK
from inference.engine.layout import SINK_SLOT
from inference.engine.prompt import IntArray
from inference.engine.work import Chunk

Arrays = dict[str, NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Bounds:
    """One sequence: rows and keys of the ragged arrays, on the host."""

    rows: slice
    keys: slice


@dataclass(frozen=True, slots=True, kw_only=True)
class Ragged:
    """Sequences whose last row sees all of their keys, the row before it one less, and so on.

    N sequences with R rows and C keys together.

    Attributes:
        rows: [R] of the batch.
        read_slots: [C] of the pool.
        cu_rows, cu_keys: [N + 1] int32, where each sequence begins; the last entry is R, or C.
        bounds: the same on the host.
    """

    rows: Tensor
    read_slots: Tensor
    cu_rows: Tensor
    cu_keys: Tensor
    bounds: tuple[Bounds, ...]

    @property
    def longest(self) -> tuple[int, int]:
        """The most rows, and the most keys, of a sequence."""
        rows = max(one.rows.stop - one.rows.start for one in self.bounds)
        return rows, max(one.keys.stop - one.keys.start for one in self.bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decode:
    """Rows that each see a context of their own.

    B rows, at most M blocks for each.

    Attributes:
        rows: [B] of the batch; None if the batch has no other rows.
        tables: [B, M] int32 blocks; entries past the context are never read.
        lengths: [B] int32 positions to see, 1 <= n <= M * BLOCK.
    """

    rows: Tensor | None
    tables: Tensor
    lengths: Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLayout:
    """One step, as every layer needs it.

    Attributes:
        write_slots: [T] of the pool.
        ragged, decode: cover the batch's rows but those that fill it up; one of them is there.
        pools: keys and values of every layer, [G, S, D] and [G, S, E], for decode rows to read.
    """

    write_slots: Tensor
    ragged: Ragged | None
    decode: Decode | None
    pools: Mapping[int, tuple[Tensor, Tensor]] = field(default_factory=dict)


class LayoutArrays:
    """Collects a step's chunks into host arrays, which travel in one transfer; see `Staging`."""

    def __init__(self) -> None:
        self._written: list[IntArray] = []
        self._rows: list[IntArray] = []
        self._read: list[IntArray] = []
        self._decode_rows: list[int] = []
        self.contexts: list[IntArray] = []  # of decode rows
        self._count = 0

    def add(self, chunk: Chunk, *, decodes_from: int | None = None) -> None:
        """Lay out one chunk behind those before it; rows from that place in line on are those of `Decode`."""
        prompt, slots = chunk.work.prompt, chunk.work.slots
        row = self._count - chunk.start  # of the batch, for position 0 in line
        self._written.append(slots[chunk.start : chunk.stop])
        self._count += chunk.stop - chunk.start
        decoded = chunk.stop if decodes_from is None else max(chunk.start, decodes_from)
        for position in range(decoded, chunk.stop):
            self._decode_rows.append(row + position)
            self.contexts.append(slots[: position + 1])
        stop = min(chunk.stop, prompt.record, decoded)
        if chunk.start < stop:
            self._sequence(row, chunk.start, stop, slots[:stop])
        for a, b in prompt.branches:
            first, last = max(a, chunk.start), min(b, chunk.stop)
            if first < last:
                self._sequence(row, first, last, np.concatenate([slots[: prompt.record], slots[a:last]]))

    @property
    def only_decodes(self) -> bool:
        """Whether there are no sequences."""
        return not self._rows

    def arrays(self, *, rows: int) -> Arrays:
        """The step's arrays by name, its batch filled up to ``rows`` rows that write where nothing is read."""
        padding = np.full(rows - self._count, SINK_SLOT, dtype=np.int64)
        out: Arrays = {"write_slots": np.concatenate([*self._written, padding])}
        if self._rows:
            out |= {
                "rows": np.concatenate(self._rows),
                "read_slots": np.concatenate(self._read),
                "cu_rows": _starts(self._rows),
                "cu_keys": _starts(self._read),
            }
        if self.contexts:
            out["decode_rows"] = np.array(self._decode_rows, dtype=np.int64)
            out["tables"] = block_tables(self.contexts)
            out["lengths"] = np.array([len(context) for context in self.contexts], dtype=np.int32)
        return out

    def layout(self, sent: Mapping[str, Tensor], pools: Mapping[int, tuple[Tensor, Tensor]]) -> DeviceLayout:
        """The layout over those arrays once they are on the device."""
        ragged = decode = None
        if self._rows:
            ragged = Ragged(
                rows=sent["rows"],
                read_slots=sent["read_slots"],
                cu_rows=sent["cu_rows"],
                cu_keys=sent["cu_keys"],
                bounds=self._bounds(),
            )
        if self.contexts:
            decode = Decode(rows=sent["decode_rows"], tables=sent["tables"], lengths=sent["lengths"])
        return DeviceLayout(write_slots=sent["write_slots"], ragged=ragged, decode=decode, pools=pools)

    def _sequence(self, row: int, start: int, stop: int, keys: IntArray) -> None:
        self._rows.append(np.arange(row + start, row + stop))
        self._read.append(keys)

    def _bounds(self) -> tuple[Bounds, ...]:
        rows, keys = (_starts(parts).tolist() for parts in (self._rows, self._read))
        return tuple(Bounds(slice(rows[i], rows[i + 1]), slice(keys[i], keys[i + 1])) for i in range(len(self._rows)))


def block_tables(contexts: Sequence[IntArray]) -> NDArray[np.int32]:
    """[B, M] blocks behind contexts of slots that fill their blocks in order; zero past a context's end."""
    width = max(-(-len(context) // BLOCK) for context in contexts)
    tables = np.zeros((len(contexts), width), dtype=np.int32)
    for line, context in zip(tables, contexts, strict=True):
        firsts = context[::BLOCK] // BLOCK
        line[: len(firsts)] = firsts
    return tables


def _starts(parts: Sequence[IntArray]) -> NDArray[np.int32]:
    return np.cumsum([0, *map(len, parts)], dtype=np.int32)
