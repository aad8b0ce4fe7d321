"""Attention that reads the pool itself; binds ``src/pool.cpp`` and ``src/attention.cpp``."""

from ctypes import CDLL
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from inference.api import Precision
from inference.config import DENSE, EngineConfig, SparsePattern
from inference.native.library import FLOAT, INT, POINTER, bind
from inference.native.selftest import native_library

BLOCK, LANES = 16, 16  # positions of a block, values of a register: the same numbers in src/
SPAN_FIELDS = 8  # of src/attention.h's Span


@dataclass(frozen=True, slots=True)
class PackedPool:
    """One layer's keys and values in bfloat16, as src/pool.h lays them out.

    G key heads, N blocks of 16 positions, D head size, W the same rounded up to 16.

    Attributes:
        keys: [G, N, D / 2, 16, 2], pairs of dimensions together.
        values: [G, N, 8, W, 2], pairs of positions together.
    """

    keys: Tensor
    values: Tensor

    @staticmethod
    def zeros(groups: int, blocks: int, size: int) -> "PackedPool":
        """An empty pool; ``size`` must be even."""
        width = -(-size // LANES) * LANES
        return PackedPool(
            torch.zeros(groups, blocks, size // 2, BLOCK, 2, dtype=torch.bfloat16),
            torch.zeros(groups, blocks, BLOCK // 2, width, 2, dtype=torch.bfloat16),
        )

    @property
    def size(self) -> int:
        """Of a head."""
        return 2 * self.keys.shape[2]


class PagedAttention:
    """Writes to a `PackedPool` and attends to it, with the softmax in float32.

    A row's bits depend on the positions it sees and on nothing else: not on the chunk, the batch, the threads, or
    where its blocks lie. What cannot be seen changes no bit.
    """

    def __init__(self, library: CDLL) -> None:
        self._exp2 = bind(library, "assay_exp2", [POINTER, INT, POINTER])
        states, place, pool = [POINTER, INT, INT], [POINTER, INT, INT, INT], [POINTER, POINTER, INT]
        self._write = bind(library, "assay_pool_write", [*states, *states, *place, *pool])
        rows, heads, spans = [POINTER, INT, POINTER], [INT, INT, INT, FLOAT], [POINTER, INT, POINTER]
        shown = [INT, INT, INT, INT]
        self._attend = bind(library, "assay_paged_attention", [*rows, *pool, *heads, *spans, *shown])

    def exp2(self, x: Tensor) -> Tensor:
        """The softmax's 2 ** x, elementwise in float32; a multiple of 16 values, none above 1."""
        out = torch.empty_like(x)
        self._exp2(x.data_ptr(), x.numel(), out.data_ptr())
        return out

    def write(self, pool: PackedPool, keys: Tensor, values: Tensor, slots: Tensor) -> None:
        """Put a batch's keys and values, [G, T, D] of any strides but the last one's, where ``slots`` [T] say.

        A block's positions are to be written in ascending order.
        """
        groups, rows, size = keys.shape
        assert keys.dtype == values.dtype == torch.bfloat16
        assert keys.shape == values.shape == (groups, rows, pool.size)
        assert keys.stride(2) == values.stride(2) == 1
        assert keys.stride(0) % 2 == keys.stride(1) % 2 == 0, "a pair of dimensions is read as one word"
        self._write(
            *(keys.data_ptr(), keys.stride(0), keys.stride(1)),
            *(values.data_ptr(), values.stride(0), values.stride(1)),
            *(slots.data_ptr(), rows, groups, size),
            *(pool.keys.data_ptr(), pool.values.data_ptr(), pool.keys.shape[1]),
        )

    def __call__(
        self,
        query: Tensor,
        pool: PackedPool,
        spans: Tensor,
        tables: Tensor,
        *,
        scaling: float,
        window: int = 0,
        pattern: SparsePattern = DENSE,
    ) -> Tensor:
        """Attend rows to what the pool holds for them.

        Args:
            query: [T, H, D] bfloat16, rows of any stride, each contiguous; H a multiple of G.
            spans: [S, 8] int64, see src/attention.h; those of one record next to each other.
            tables: int32 block ids that spans point into.
            scaling: multiplies q . k before the softmax; above zero.
            window: keys that a row sees up to itself; 0 for all of them.
            pattern: which tiles of a record rows see.

        Returns:
            [T, H, D]; rows of no span are left as they happen to be: nobody reads them.
        """
        rows, heads, size = query.shape
        groups, blocks = pool.keys.shape[:2]
        assert query.dtype == torch.bfloat16
        assert size == pool.size
        assert heads % groups == 0
        assert query.stride()[1:] == (size, 1)
        assert spans.shape[1] == SPAN_FIELDS
        out = query.new_empty(rows, heads, size)
        out[_covered(spans) :] = 0
        self._attend(
            *(query.data_ptr(), query.stride(0), out.data_ptr()),
            *(pool.keys.data_ptr(), pool.values.data_ptr(), blocks, heads, groups, size, scaling),
            *(spans.data_ptr(), len(spans), tables.data_ptr()),
            *(window, pattern.sink, pattern.recent, pattern.stride),
        )
        return out


def _covered(spans: Tensor) -> int:
    """Rows of the batch that spans cover; they follow one another from the first."""
    return int(spans[-1, 0] + spans[-1, 1]) if len(spans) else 0


def find_attention(model_config: Any, config: EngineConfig) -> PagedAttention | None:
    """The kernels, if they serve here and compute a model's kind of attention; None means that the eager path serves.

    The products here are bfloat16's: other precisions stay eager.
    """
    if config.precision not in {Precision.INT8, Precision.BF16} or not _is_served(model_config):
        return None
    library = native_library(config)
    return None if library is None else PagedAttention(library)


def _is_served(config: Any) -> bool:
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    latent = getattr(config, "kv_lora_rank", None) is not None
    return not latent and size % 2 == 0 and heads % config.num_key_value_heads == 0
