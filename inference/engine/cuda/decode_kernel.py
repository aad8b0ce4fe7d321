"""`paged_decode` in Triton.

Each program takes up to 16 query heads of one row and one part of its context, and leaves an unnormalised sum with
its softmax's peak and weight; a second kernel puts a row's parts together in order. Parts, not the batch, decide
how the work is cut, so a row has the same bits alone and in any batch.
"""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from inference.engine.blocks import BLOCK

PART = 512  # positions of a part; 8 key heads and 32 rows at 4,096 positions are then 2,048 programs
KEYS = 32  # positions multiplied at once
HEADS = 16  # rows of a product, the fewest that a tensor core takes


@triton.jit
def _attend_parts(
    query, keys, values, rope_query, rope_keys, tables, lengths, sums, peaks, weights,
    scale, window, width, slots, parts,
    HEADS_PER_GROUP: tl.constexpr, TILES: tl.constexpr, SIZE: tl.constexpr, SIZE_2: tl.constexpr,
    VALUE: tl.constexpr, VALUE_2: tl.constexpr, ROPE: tl.constexpr, ROPE_2: tl.constexpr,
    BLOCK: tl.constexpr, PART: tl.constexpr, KEYS: tl.constexpr, HEADS: tl.constexpr,
):  # fmt: skip
    row, tile, part = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    group = tile // TILES
    length = tl.load(lengths + row)
    first = tl.maximum(length - window, 0)
    begin, end = part * PART, tl.minimum(part * PART + PART, length)
    if (begin < length) & (end > first):
        head = (tile % TILES) * HEADS + tl.arange(0, HEADS)
        real = head < HEADS_PER_GROUP
        line = row * (tl.num_programs(1) // TILES) * HEADS_PER_GROUP + group * HEADS_PER_GROUP + head
        d, e = tl.arange(0, SIZE_2), tl.arange(0, VALUE_2)
        q = tl.load(query + line[:, None] * SIZE + d[None], mask=real[:, None] & (d < SIZE)[None], other=0.0)
        peak = tl.full([HEADS], float("-inf"), tl.float32)
        weight = tl.zeros([HEADS], tl.float32)
        total = tl.zeros([HEADS, VALUE_2], tl.float32)
        for start in range(begin, end, KEYS):
            at = start + tl.arange(0, KEYS)
            there = (at < end) & (at >= first)
            block = tl.load(tables + row * width + at // BLOCK, mask=at < end, other=0)
            slot = group.to(tl.int64) * slots + block.to(tl.int64) * BLOCK + at % BLOCK
            k = tl.load(keys + slot[None] * SIZE + d[:, None], mask=there[None] & (d < SIZE)[:, None], other=0.0)
            score = tl.dot(q, k, input_precision="ieee")
            if ROPE > 0:
                p = tl.arange(0, ROPE_2)
                rq = tl.load(
                    rope_query + line[:, None] * ROPE + p[None], mask=real[:, None] & (p < ROPE)[None], other=0.0
                )
                rk = tl.load(
                    rope_keys + slot[None] * ROPE + p[:, None], mask=there[None] & (p < ROPE)[:, None], other=0.0
                )
                score += tl.dot(rq, rk, input_precision="ieee")
            score = tl.where(there[None], score * scale, float("-inf"))
            higher = tl.maximum(peak, tl.max(score, 1))
            safe = tl.where(higher == float("-inf"), 0.0, higher)
            fade, chance = tl.exp(peak - safe), tl.exp(score - safe[:, None])
            v = tl.load(values + slot[:, None] * VALUE + e[None], mask=there[:, None] & (e < VALUE)[None], other=0.0)
            total = total * fade[:, None] + tl.dot(chance.to(v.dtype), v, input_precision="ieee")
            weight = weight * fade + tl.sum(chance, 1)
            peak = higher
        place = line * parts + part
        tl.store(peaks + place, peak, mask=real)
        tl.store(weights + place, weight, mask=real)
        tl.store(sums + place[:, None] * VALUE + e[None], total, mask=real[:, None] & (e < VALUE)[None])


@triton.jit
def _join_parts(
    sums, peaks, weights, lengths, out, window, heads, parts,
    VALUE: tl.constexpr, VALUE_2: tl.constexpr, PART: tl.constexpr,
):  # fmt: skip
    row, line = tl.program_id(0), tl.program_id(0) * heads + tl.program_id(1)
    e = tl.arange(0, VALUE_2)
    length = tl.load(lengths + row)
    peak = tl.full([VALUE_2], float("-inf"), tl.float32)
    weight, total = tl.zeros([VALUE_2], tl.float32), tl.zeros([VALUE_2], tl.float32)
    for part in range(tl.maximum(length - window, 0) // PART, tl.cdiv(length, PART)):
        place = line * parts + part
        other = tl.load(peaks + place)
        higher = tl.maximum(peak, other)
        fade, grow = tl.exp(peak - higher), tl.exp(other - higher)
        weight = weight * fade + tl.load(weights + place) * grow
        total = total * fade + tl.load(sums + place * VALUE + e, mask=e < VALUE, other=0.0) * grow
        peak = higher
    tl.store(out + line * VALUE + e, (total / weight).to(out.dtype.element_ty), mask=e < VALUE)


def paged_decode_triton(
    query: Tensor,
    keys: Tensor,
    values: Tensor,
    tables: Tensor,
    lengths: Tensor,
    *,
    scale: float,
    rope: tuple[Tensor, Tensor] | None,
    window: int | None,
) -> Tensor:
    """See `inference.engine.cuda.decode.paged_decode`. Pools are contiguous."""
    rows, heads, size = query.shape
    groups, slots, value = values.shape
    per_group = heads // groups
    tiles = triton.cdiv(per_group, HEADS)
    parts = triton.cdiv(tables.shape[1] * BLOCK, PART)
    reach = tables.shape[1] * BLOCK if window is None else window
    rope_query, rope_keys = rope if rope is not None else (query, keys)
    rope_size = rope_query.shape[2] if rope is not None else 0
    sums = torch.empty(rows, heads, parts, value, dtype=torch.float32, device=query.device)
    peaks, weights = torch.empty(2, rows, heads, parts, dtype=torch.float32, device=query.device)
    out = torch.empty(rows, heads, value, dtype=query.dtype, device=query.device)
    shape: dict[str, Any] = {"VALUE": value, "VALUE_2": triton.next_power_of_2(value), "PART": PART}
    _attend_parts[rows, groups * tiles, parts](
        query.contiguous(), keys, values, rope_query.contiguous(), rope_keys, tables, lengths, sums, peaks, weights,
        scale, reach, tables.shape[1], slots, parts,
        HEADS_PER_GROUP=per_group, TILES=tiles, SIZE=size, SIZE_2=triton.next_power_of_2(size),
        ROPE=rope_size, ROPE_2=max(HEADS, triton.next_power_of_2(max(1, rope_size))),
        BLOCK=BLOCK, KEYS=KEYS, HEADS=HEADS, **shape,
    )  # fmt: skip
    _join_parts[rows, heads](sums, peaks, weights, lengths, out, reach, heads, parts, **shape)
    return out
