"""Attention of a step, registered with transformers by name.

Where native kernels serve, they read the pool themselves (`inference.native.attention`). Otherwise, on a CPU:
canonical tiles (see `inference.engine.layout`), all query heads of a key head in one matmul, softmax in float32.
Elsewhere: one call of torch's SDPA per tile.
"""

from typing import Any

from torch import Tensor, nn
from transformers import AttentionInterface

from inference.engine.sight import Sight
from inference.engine.spans import Places, Spans
from inference.engine.tiles import attend_fan, attend_tile, attend_tile_sdpa
from inference.native.attention import PackedPool

NAME = "assay_paged"  # has no mask function, so transformers builds no mask


def paged_attention(
    _module: nn.Module | None,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    layout: Places,
    scaling: float,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend a packed batch to what `PagedKV.update` returned: contexts it gathered, or the pool itself.

    T rows, C gathered keys, H query heads, G key heads, D and E key and value head sizes.

    Args:
        query: [1, H, T, D].
        key: [1, G, C, D], or a `PackedPool`'s keys.
        value: [1, G, C, E], or its values.
        scaling: multiplies q . k before the softmax.
        sliding_window: keys that a row sees up to itself; None for all.

    Returns:
        [1, T, H, E]; rows that belong to no tile are arbitrary but finite.

    Raises:
        ValueError: transformers brought a mask, or the layer caps its scores.
    """
    if attention_mask is not None or softcap is not None:
        raise ValueError("masks and capped scores are not served")
    if isinstance(layout, Spans):
        return layout.attend(query, PackedPool(key, value), scaling=scaling, window=sliding_window), None
    sight = Sight(sliding_window, layout.pattern)
    heads, rows, size = query.shape[1:]
    groups, width = key.shape[1], value.shape[3]
    pack, unpack = layout.indices(groups)
    lines = (query[0] * scaling).transpose(0, 1).reshape(rows * groups, -1)
    packed = lines.index_select(0, pack)
    out = query.new_empty(len(pack), heads // groups * width)
    attend = attend_tile if query.device.type == "cpu" else attend_tile_sdpa
    for tile in layout.tiles:
        place = slice(tile.at * groups, (tile.at + tile.rows) * groups)
        attend(tile, sight, packed[place].view(groups, -1, size), key[0], value[0], out[place].view(groups, -1, width))
    for fan in layout.fans:
        place = slice(fan.at * groups, (fan.at + fan.branches * fan.width) * groups)
        answer = attend_fan(fan, sight, packed[place].view(groups, -1, size), key[0], value[0])
        out[place] = answer.reshape(-1, out.shape[1])
    return out.index_select(0, unpack).view(1, rows, heads, width), None


def register() -> None:
    """Make the function known to transformers; safe to repeat."""
    AttentionInterface.register(NAME, paged_attention)
