"""One new row against its whole context, read from the pool through its blocks.

The Triton kernel splits a context into parts of a fixed length, however many rows the batch has: a row's sum is
taken in an order that its own length decides, and long contexts still fill the device.
"""

from importlib.util import find_spec

import torch
from torch import Tensor

from inference.engine.blocks import BLOCK

HAS_TRITON = find_spec("triton") is not None


def paged_decode(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    tables: Tensor,
    lengths: Tensor,
    *,
    scale: float,
    rope: tuple[Tensor, Tensor] | None = None,
    window: int | None = None,
) -> Tensor:
    """Attend one row of each sequence to the context that its blocks hold.

    B rows, H query heads, G key heads, S slots, M blocks at most, D and E key and value head sizes.

    Args:
        query: [B, H, D].
        keys: [G, S, D], one layer's pool.
        values: [G, S, E]; may be ``keys`` itself, as for latents.
        tables: [B, M] int32 blocks; entries past the context are never read.
        lengths: [B] int32 positions to attend to, 1 <= n <= M * BLOCK.
        scale: multiplies q . k before the softmax.
        rope: a second part of queries, [B, H, P], and of keys, [G, S, P], whose products are added to q . k.
        window: only so many of the last positions are attended to.

    Returns:
        [B, H, E] in query's dtype; sums and softmax are taken in float32.

    Raises:
        ValueError: H is not a multiple of G.
    """
    if query.shape[1] % keys.shape[0]:
        raise ValueError("query heads share key heads in groups of one size")
    if HAS_TRITON and query.device.type == "cuda":
        from inference.engine.cuda.decode_kernel import paged_decode_triton

        return paged_decode_triton(query, keys, values, tables, lengths, scale=scale, rope=rope, window=window)
    return paged_decode_reference(query, keys, values, tables, lengths, scale=scale, rope=rope, window=window)


def paged_decode_reference(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    tables: Tensor,
    lengths: Tensor,
    *,
    scale: float,
    rope: tuple[Tensor, Tensor] | None = None,
    window: int | None = None,
) -> Tensor:
    """`paged_decode` in plain torch: every context gathered to the longest, what lies past one's end masked."""
    slots = (tables.long()[:, :, None] * BLOCK + torch.arange(BLOCK, device=tables.device)).flatten(1)
    scores = _products(query, keys, slots)
    if rope is not None:
        scores += _products(rope[0], rope[1], slots)
    at = torch.arange(slots.shape[1], device=slots.device)
    unseen = at >= lengths[:, None]
    if window is not None:
        unseen |= at < lengths[:, None] - window
    weights = torch.softmax(scores.mul_(scale).masked_fill_(unseen[:, None, None], float("-inf")), dim=-1)
    out = torch.einsum("bghk,gbke->bghe", weights, values[:, slots].float())
    return out.flatten(1, 2).to(query.dtype)


def _products(query: Tensor, keys: Tensor, slots: Tensor) -> Tensor:
    """[B, G, H / G, K] float32."""
    grouped = query.float().reshape(len(query), keys.shape[0], -1, query.shape[2])
    return torch.einsum("bghd,gbkd->bghk", grouped, keys[:, slots].float())
