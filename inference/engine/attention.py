"""Attention over the step's gathered contexts, registered with transformers by name.

On a CPU: canonical tiles (see `inference.engine.layout`), all query heads of a key head in one matmul,
softmax in float32. Elsewhere: one call of torch's SDPA per tile.
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface

from inference.engine.layout import ROWS, TILE, Fan, Layout, Tile

NAME = "assay_paged"  # has no mask function, so transformers builds no mask


def paged_attention(
    _module: nn.Module | None,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    layout: Layout,
    scaling: float,
    sliding_window: int | None = None,
    **_kwargs: Any,
) -> tuple[Tensor, None]:
    """Attend a packed batch to the contexts that `PagedKV.update` gathered.

    T rows, C gathered keys, H query heads, G key heads, D and E key and value head sizes.

    Args:
        query: [1, H, T, D].
        key: [1, G, C, D].
        value: [1, G, C, E].
        scaling: multiplies q . k before the softmax.

    Returns:
        [1, T, H, E]; rows that belong to no tile are arbitrary but finite.

    Raises:
        ValueError: the layer slides a window, or transformers brought a mask.
    """
    if sliding_window is not None or attention_mask is not None:
        raise ValueError("sliding windows and masks are not served")
    heads, rows, size = query.shape[1:]
    groups, width = key.shape[1], value.shape[3]
    pack, unpack = layout.indices(groups)
    lines = (query[0] * scaling).transpose(0, 1).reshape(rows * groups, -1)
    packed = lines.index_select(0, pack)
    out = query.new_empty(len(pack), heads // groups * width)
    attend = _tile if query.device.type == "cpu" else _tile_sdpa
    for tile in layout.tiles:
        place = slice(tile.at * groups, (tile.at + tile.rows) * groups)
        attend(tile, packed[place].view(groups, -1, size), key[0], value[0], out[place].view(groups, -1, width))
    for fan in layout.fans:
        place = slice(fan.at * groups, (fan.at + fan.branches * fan.width) * groups)
        out[place] = _fan(fan, packed[place].view(groups, -1, size), key[0], value[0]).reshape(-1, out.shape[1])
    return out.index_select(0, unpack).view(1, rows, heads, width), None


def register() -> None:
    """Make the function known to transformers; safe to repeat."""
    AttentionInterface.register(NAME, paged_attention)


@cache
def _causal(dtype: torch.dtype, device: torch.device) -> Tensor:
    """[TILE + ROWS, TILE]: row r of a tile sees keys 0 to r of it. Padding rows beyond see all."""
    mask = torch.full((TILE, TILE), float("-inf")).triu_(1)
    return F.pad(mask, (0, 0, 0, ROWS)).to(device=device, dtype=dtype)


def _tile(tile: Tile, query: Tensor, key: Tensor, value: Tensor, out: Tensor) -> None:
    """One tile's [G, rows * H / G, D] into ``out``."""
    stop = tile.keys_at + tile.keys
    scores = torch.bmm(query, key[:, tile.keys_at : stop].transpose(1, 2))
    by_row = scores.view(scores.shape[0], tile.rows, -1, tile.keys)
    by_row[..., -TILE:] += _causal(query.dtype, query.device)[tile.first : tile.first + tile.rows, None]
    weights = torch.softmax(scores, dim=-1)  # of bf16 too, torch's CPU softmax is taken in float32
    torch.bmm(weights, value[:, tile.keys_at : stop], out=out)


def _fan(fan: Fan, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """All questions of a request: [G, branches * width * H / G, D] to [..., E].

    The record's keys are multiplied by all questions at once; the few keys of a question by itself, in
    float32, and its softmax spans both. So an answer does not depend on which others are asked for.
    """
    groups, rows, _ = query.shape
    stop, own_stop = fan.keys_at + fan.keys, fan.own_at + fan.branches * fan.width
    causal = _causal(torch.float32, query.device)
    record = torch.bmm(query, key[:, fan.keys_at : stop].transpose(1, 2)).float()
    record[..., -TILE:] += causal[fan.last]
    own_key = key[:, fan.own_at : own_stop].reshape(groups * fan.branches, fan.width, -1).float()
    own_value = value[:, fan.own_at : own_stop].reshape(groups * fan.branches, fan.width, -1).float()
    own_query = query.reshape(groups * fan.branches, rows // fan.branches, -1).float()
    own = torch.bmm(own_query, own_key.transpose(1, 2))
    own.view(len(own), fan.width, -1, fan.width).add_(causal[: fan.width, None, : fan.width])
    weights = torch.softmax(torch.cat([record, own.view(groups, rows, -1)], dim=-1), dim=-1)
    of_record, of_own = weights[..., : fan.keys], weights[..., fan.keys :]
    out = torch.bmm(of_record.to(value.dtype), value[:, fan.keys_at : stop])
    near = torch.bmm(of_own.reshape(own.shape), own_value)
    return (out.float() + near.view(out.shape)).to(value.dtype)


def _tile_sdpa(tile: Tile, query: Tensor, key: Tensor, value: Tensor, out: Tensor) -> None:
    """`_tile` by torch's own kernel, for devices where the tiles' bits are not promised."""
    stop = tile.keys_at + tile.keys
    mask = _causal(query.dtype, query.device)[tile.first : tile.first + tile.rows]
    mask = F.pad(mask, (tile.keys - TILE, 0)).repeat_interleave(query.shape[1] // tile.rows, dim=0)
    keys, values = key[:, tile.keys_at : stop], value[:, tile.keys_at : stop]
    out.copy_(F.scaled_dot_product_attention(query[None], keys[None], values[None], attn_mask=mask, scale=1.0)[0])
