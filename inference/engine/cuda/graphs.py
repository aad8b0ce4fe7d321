"""Decode steps as CUDA graphs: one for each of a few batch sizes, captured once, replayed with new contents.

A decode step of a small model is a thousand launches of microseconds each, so that the host is what takes the
time. A graph replays them as one. It reads and writes the memory it was captured with: a batch is laid into
static buffers, and rows up to the next size write to the sink and read one zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inference.engine.blocks import BLOCK
from inference.engine.cuda.layout import Decode, DeviceLayout, block_tables
from inference.engine.layout import SINK_SLOT
from inference.engine.prompt import IntArray

if TYPE_CHECKING:
    from inference.engine.cuda.runner import DeviceRunner

BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128)
WARM_UPS = 2  # before a capture: libraries choose kernels and take workspaces at their first calls
WIDTHS = {"tokens": np.int64, "positions": np.int64, "slots": np.int64, "lengths": np.int32}


class StaticBatch:
    """One bucket's inputs: a pinned buffer on the host and its twin on the device, filled by one transfer.

    Invariant: rows past the batch's last hold `SINK_SLOT`, a context of one position in block 0 and token 0.
    """

    def __init__(self, size: int, *, width: int, device: torch.device) -> None:
        self.size = size
        columns = {name: np.zeros(size, dtype=dtype) for name, dtype in WIDTHS.items()}
        columns["tables"] = np.zeros((size, width), dtype=np.int32)
        total = sum(column.nbytes for column in columns.values())
        self._host = torch.zeros(total, dtype=torch.uint8, pin_memory=device.type == "cuda")
        self._there = torch.zeros(total, dtype=torch.uint8, device=device)
        self._columns: dict[str, NDArray[np.generic]] = {}
        self.inputs: dict[str, Tensor] = {}
        at = 0
        for name, column in columns.items():
            place = slice(at, at + column.nbytes)
            dtype = torch.from_numpy(column).dtype
            self._columns[name] = self._host[place].view(dtype).view(column.shape).numpy()
            self.inputs[name] = self._there[place].view(dtype).view(column.shape)
            at += column.nbytes

    def fill(self, tokens: IntArray, contexts: Sequence[IntArray]) -> None:
        """Lay in a batch: each row's token, and the slots of its context, its own last."""
        count, columns = len(contexts), self._columns
        rest = {"tokens": 0, "positions": 0, "slots": SINK_SLOT, "lengths": 1, "tables": 0}
        for name, value in rest.items():
            columns[name][count:] = value
        lengths = [len(context) for context in contexts]
        tables = block_tables(contexts)
        columns["tokens"][:count] = tokens
        columns["positions"][:count] = np.array(lengths) - 1
        columns["slots"][:count] = [context[-1] for context in contexts]
        columns["lengths"][:count] = lengths
        columns["tables"][:count] = 0
        columns["tables"][:count, : tables.shape[1]] = tables
        self._there.copy_(self._host, non_blocking=True)


@dataclass(frozen=True, slots=True)
class Captured:
    """A graph, and where it leaves the hidden states."""

    graph: "torch.cuda.CUDAGraph"
    hidden: Tensor


class DecodeGraphs:
    """Decode steps of one runner's model over its pool. Made after the pool; used by the runner's thread."""

    def __init__(self, runner: "DeviceRunner", *, window: int, buckets: Sequence[int] = BUCKETS) -> None:
        self._runner = runner
        width = -(-window // BLOCK)
        self._batches = {size: StaticBatch(size, width=width, device=runner.device) for size in sorted(buckets)}
        self._captured: dict[int, Captured] = {}

    @property
    def captured(self) -> tuple[int, ...]:
        """Batch sizes that replay; the others run as they are."""
        return tuple(sorted(self._captured))

    def bucket(self, count: int) -> int:
        """The smallest size that holds so many rows, or the largest there is."""
        return next((size for size in self._batches if size >= count), max(self._batches))

    @torch.inference_mode()
    def capture(self, *, memory_mb: int) -> None:
        """Capture from the largest size down, for as long as graphs take no more than so much of a CUDA device.

        Nothing is captured where experts are routed: the library asks the device which of them were chosen.
        """
        if self._runner.device.type != "cuda" or _routes(self._runner.body):
            return
        free, pool = torch.cuda.mem_get_info(self._runner.device)[0], torch.cuda.graph_pool_handle()
        for size in reversed(self._batches):
            if (free - torch.cuda.mem_get_info(self._runner.device)[0]) >= memory_mb * 2**20:
                return
            batch = self._batches[size]
            batch.fill(np.zeros(1, dtype=np.int64), [np.array([SINK_SLOT])])
            self._captured[size] = self._capture(batch, pool)

    @torch.inference_mode()
    def run(self, tokens: IntArray, contexts: Sequence[IntArray]) -> Tensor:
        """Compute one new row for each context.

        Args:
            tokens: [B] the new rows' tokens.
            contexts: for each row the slots of its positions in order, the new one's last. Each slot but that holds
                what an earlier step wrote.

        Returns:
            [B, hidden] states after the last layer.
        """
        largest = max(self._batches)
        if len(contexts) > largest:
            parts = range(0, len(contexts), largest)
            return torch.cat([self.run(tokens[i : i + largest], contexts[i : i + largest]) for i in parts])
        batch = self._batches[self.bucket(len(contexts))]
        batch.fill(tokens, contexts)
        ready = self._captured.get(batch.size)
        if ready is None:
            return self._forward(batch)[: len(contexts)]
        ready.graph.replay()
        return ready.hidden[: len(contexts)].clone()  # the next replay writes there

    def _forward(self, batch: StaticBatch) -> Tensor:
        inputs, runner = batch.inputs, self._runner
        decode = Decode(rows=None, tables=inputs["tables"], lengths=inputs["lengths"])
        layout = DeviceLayout(write_slots=inputs["slots"], ragged=None, decode=decode, pools=runner.kv.pools)
        return runner.forward(runner.embed(inputs["tokens"]), inputs["positions"], layout)

    def _capture(self, batch: StaticBatch, pool: "torch.cuda._POOL_HANDLE") -> Captured:
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                self._forward(batch)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool):
            hidden = self._forward(batch)
        return Captured(graph, hidden)


def _routes(body: torch.nn.Module) -> bool:
    return any(name.endswith(".experts") for name, _ in body.named_modules())
