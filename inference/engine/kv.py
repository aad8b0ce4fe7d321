"""Keys and values of every position the engine remembers: one pool of slots per layer."""

from typing import Any

import torch
from torch import Tensor
from transformers import Cache

from inference.engine.blocks import BLOCK
from inference.engine.spans import Places, Spans
from inference.native.attention import PackedPool

PACKED = 5  # dimensions of a packed pool, which counts blocks instead of slots


class PagedKV(Cache):
    """A transformers cache whose layers write a packed batch to slots, then read ragged contexts.

    A layer's pools are made at its first update from what it brings: keys and values of grouped attention, or
    DeepSeek's latent and rotary key. They are [G, S, D] for G key heads and S slots, or, where attention reads
    the pool itself, those of a `PackedPool`. Because a layer writes before it reads, a prefix that is computed in
    this very batch can be read by all of it.
    """

    def __init__(self, *, blocks: int) -> None:
        super().__init__(layers=[])
        self.slots = (blocks + 1) * BLOCK  # block 0 is scratch
        self.pools: dict[int, tuple[Tensor, Tensor]] = {}
        self._layout: Places | None = None

    @property
    def bytes_per_block(self) -> int:
        """Of all layers together, as far as they have been seen."""
        return sum(pool.nbytes for pair in self.pools.values() for pool in pair) // self.slots * BLOCK

    def begin(self, layout: Places) -> None:
        """Set what the next forward writes and reads."""
        self._layout = layout

    def update(
        self,
        key_states: Tensor,
        value_states: Tensor,
        layer_idx: int,
        *_args: Any,
        **_kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
        """Write the batch's [1, G, T, D] and return the step's contexts, [1, G, C, D], or the packed pool."""
        layout = self._layout
        assert layout is not None, "begin() comes before the forward"
        if isinstance(layout, Spans):
            pool = self._packed(layer_idx, key_states)
            layout.attention.write(pool, key_states[0], value_states[0], layout.write_slots)
            return pool.keys, pool.values
        if layer_idx not in self.pools:
            self.pools[layer_idx] = (self._pool(key_states), self._pool(value_states))
        keys, values = self.pools[layer_idx]
        keys.index_copy_(1, layout.write_slots, key_states[0])
        values.index_copy_(1, layout.write_slots, value_states[0])
        return (
            keys.index_select(1, layout.read_slots).unsqueeze(0),
            values.index_select(1, layout.read_slots).unsqueeze(0),
        )

    def zero(self, blocks: list[int]) -> None:
        """Overwrite blocks with zeros."""
        if not blocks:
            return
        for pair in self.pools.values():
            for pool in pair:
                rows = pool if pool.dim() == PACKED else pool.view(pool.shape[0], -1, BLOCK, pool.shape[-1])
                rows[:, torch.tensor(blocks, device=pool.device)] = 0

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002 - the base class's signature
        """Always 0: positions are given with the batch."""
        return 0

    @property
    def is_compileable(self) -> bool:
        """Slots change with every step."""
        return False

    def _packed(self, layer: int, states: Tensor) -> PackedPool:
        if layer not in self.pools:
            pool = PackedPool.zeros(states.shape[1], self.slots // BLOCK, states.shape[3])
            self.pools[layer] = (pool.keys, pool.values)
        return PackedPool(*self.pools[layer])

    def _pool(self, states: Tensor) -> Tensor:
        return states.new_zeros((states.shape[1], self.slots, states.shape[3]))
