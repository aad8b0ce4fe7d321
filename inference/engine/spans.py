"""Where everything of one step lies when attention reads the pool itself.

`inference.engine.layout` gathers contexts and cuts rows into tiles; here a sequence is only named: its blocks, and
which of the batch's rows are which of its positions. `inference.native.attention` does the rest.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from inference.config import DENSE, SparsePattern
from inference.engine.blocks import BLOCK
from inference.engine.layout import SINK_SLOT, Layout
from inference.engine.prompt import IntArray
from inference.engine.work import Chunk
from inference.native.attention import PackedPool, PagedAttention

ROW, ROWS, FIRST = 0, 1, 4  # fields of a span


@dataclass(frozen=True, slots=True, kw_only=True)
class Spans:
    """One step, as every layer needs it.

    T rows in the batch, S runs of rows that are neighbouring positions of one sequence.

    Attributes:
        write_slots: [T].
        spans: [S, 8] int64: first row, rows; positions of the record before and its table; place of the first row
            among the positions that are the sequence's own, their table, where in its first block they begin, and
            whether they are a question's.
        tables: int32 block ids.
        pattern: which tiles of a record are seen.
    """

    attention: PagedAttention
    write_slots: Tensor
    spans: Tensor
    tables: Tensor
    pattern: SparsePattern = DENSE

    def narrowed(self, wanted: Tensor) -> "Spans":
        """The same step, of which only the ``wanted`` rows, ascending, are attended from."""
        if len(wanted) == len(self.write_slots):
            return self
        of = torch.searchsorted(self.spans[:, 0].contiguous(), wanted, right=True) - 1
        spans = self.spans[of]
        spans[:, FIRST] += wanted - spans[:, ROW]
        spans[:, ROW], spans[:, ROWS] = wanted, 1
        return replace(self, spans=spans)

    def attend(self, query: Tensor, pool: PackedPool, *, scaling: float, window: int | None) -> Tensor:
        """Attend [1, H, T, D] to the pool; returns [1, T, H, D], unset for rows of no sequence."""
        rows = query[0].transpose(0, 1)
        if rows.stride(2) != 1 or rows.stride(1) != rows.shape[2]:
            rows = rows.contiguous()
        out = self.attention(
            rows, pool, self.spans, self.tables, scaling=scaling, window=window or 0, pattern=self.pattern
        )
        return out.unsqueeze(0)


Places = Layout | Spans  # what the layers of one step are told


class SpansBuilder:
    """Collects the chunks of one step."""

    def __init__(self, attention: PagedAttention, *, pattern: SparsePattern = DENSE) -> None:
        self._attention, self._pattern = attention, pattern
        self._written: list[IntArray] = []
        self._spans: list[tuple[int, ...]] = []
        self._blocks: list[int] = []
        self._rows = 0

    def add(self, chunk: Chunk) -> None:
        """Name one chunk's sequences, behind those before it."""
        prompt, record = chunk.work.prompt, chunk.work.prompt.record
        row, table = self._rows - chunk.start, len(self._blocks)  # row of position 0 in line
        self._written.append(chunk.work.slots[chunk.start : chunk.stop])
        self._rows += chunk.stop - chunk.start
        self._blocks += chunk.work.blocks[: -(-chunk.stop // BLOCK)]
        if chunk.start < record:
            count = min(chunk.stop, record) - chunk.start
            self._spans.append((row + chunk.start, count, 0, table, chunk.start, table, 0, 0))
        for start, stop in prompt.branches:
            first, last = max(start, chunk.start), min(stop, chunk.stop)
            if first < last:
                own = (first - start, table + start // BLOCK, start % BLOCK, 1)
                self._spans.append((row + first, last - first, record, table, *own))

    def build(self, *, rows: int, device: torch.device) -> Spans:  # noqa: ARG002 - `LayoutBuilder.build`'s
        """The step's spans, its batch filled up to ``rows`` rows."""
        padding = np.full(rows - self._rows, SINK_SLOT, dtype=np.int64)
        return Spans(
            attention=self._attention,
            pattern=self._pattern,
            write_slots=torch.from_numpy(np.concatenate([*self._written, padding])),
            spans=torch.tensor(self._spans, dtype=torch.int64),
            tables=torch.tensor(self._blocks, dtype=torch.int32),
        )
