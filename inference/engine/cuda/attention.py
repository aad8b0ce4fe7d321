"""Attention of one step on a device, registered with transformers by name, and the cache that feeds it."""

from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface

from inference.engine.cuda.decode import paged_decode
from inference.engine.cuda.layout import DeviceLayout
from inference.engine.cuda.ragged import attend
from inference.engine.kv import PagedKV

NAME = "assay_device"  # has no mask function, so transformers builds no mask


class DeviceKV(PagedKV):
    """A cache whose layers write a batch to slots, then gather what its sequences read; decode rows read the pool."""

    def __init__(self, *, blocks: int) -> None:
        super().__init__(blocks=blocks)
        self._step: DeviceLayout | None = None

    def make(self, like: "DeviceKV") -> None:
        """Make every layer's pools at once, of another cache's shapes; graphs need to know where they lie."""
        for layer, pair in like.pools.items():
            keys, values = (pool.new_zeros(pool.shape[0], self.slots, pool.shape[2]) for pool in pair)
            self.pools[layer] = (keys, values)

    def begin(self, layout: DeviceLayout) -> None:  # type: ignore[override]
        """Set what the next forward writes and reads."""
        self._step = layout

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Write the batch's [1, G, T, D]; return the sequences' keys, [1, G, C, D], or the pool if there are none."""
        layout = self._step
        assert layout is not None, "begin() comes before the forward"
        if layer_idx not in self.pools:
            self.pools[layer_idx] = (self._pool(key_states), self._pool(value_states))
        pair, states = self.pools[layer_idx], (key_states, value_states)
        for pool, brought in zip(pair, states, strict=True):
            pool.index_copy_(1, layout.write_slots, brought[0])
        if layout.ragged is None:
            return pair[0].unsqueeze(0), pair[1].unsqueeze(0)
        slots = layout.ragged.read_slots
        return pair[0].index_select(1, slots).unsqueeze(0), pair[1].index_select(1, slots).unsqueeze(0)


def device_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    layout: DeviceLayout,
    scaling: float,
    sliding_window: int | None = None,
    **_kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend a batch to the contexts that `DeviceKV.update` brought.

    T rows, C gathered keys, H query heads, G key heads, D and E key and value head sizes.

    Args:
        query: [1, H, T, D].
        key: [1, G, C, D].
        value: [1, G, C, E].
        scaling: multiplies q . k before the softmax.

    Returns:
        [1, T, H, E]; zero in rows that fill the batch up.

    Raises:
        ValueError: transformers brought a mask.
    """
    if attention_mask is not None:
        raise ValueError("masks are not served")
    lines, ragged, decode = query[0].transpose(0, 1), layout.ragged, layout.decode
    if decode is not None and decode.rows is None:
        keys, values = layout.pools[module.layer_idx]  # type: ignore[index]
        tables, lengths = decode.tables, decode.lengths
        return paged_decode(lines, keys, values, tables, lengths, scale=scaling, window=sliding_window)[None], None
    out = lines.new_zeros(*lines.shape[:2], value.shape[3])
    if ragged is not None:
        keys, values = key[0].transpose(0, 1), value[0].transpose(0, 1)
        out[ragged.rows] = attend(lines[ragged.rows], keys, values, ragged, scale=scaling, window=sliding_window)
    if decode is not None and decode.rows is not None:
        keys, values = layout.pools[module.layer_idx]  # type: ignore[index]
        tables, lengths, mine = decode.tables, decode.lengths, lines[decode.rows]
        out[decode.rows] = paged_decode(mine, keys, values, tables, lengths, scale=scaling, window=sliding_window)
    return out[None], None


def register() -> None:
    """Make the function known to transformers; safe to repeat."""
    AttentionInterface.register(NAME, device_attention)
