"""Contexts scattered over a pool, and what plain attention makes of them."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCK = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """Rows with contexts of several lengths; see `paged_decode` for the shapes."""

    query: Tensor
    keys: Tensor
    values: Tensor
    tables: Tensor
    lengths: Tensor


def contexts(
    lengths: tuple[int, ...],
    *,
    heads: int = 4,
    groups: int = 2,
    size: int = 64,
    value: int = 64,
    dtype: torch.dtype = torch.float32,
) -> Contexts:
    """Random ones, their blocks in no order, and garbage where nothing may be read."""
    draw = torch.Generator().manual_seed(5)
    width = max(-(-length // BLOCK) for length in lengths) + 1
    blocks = torch.randperm(len(lengths) * width, generator=draw).view(len(lengths), width) + 1
    slots = (len(lengths) * width + 1) * BLOCK
    keys, values = (torch.randn(groups, slots, many, generator=draw).to(dtype) for many in (size, value))
    query = torch.randn(len(lengths), heads, size, generator=draw).to(dtype)
    return Contexts(
        query=query,
        keys=keys,
        values=values,
        tables=blocks.int(),
        lengths=torch.tensor(lengths, dtype=torch.int32),
    )


def plain(case: Contexts, *, scale: float, window: int | None = None) -> Tensor:
    """[B, H, E] float32, one row at a time."""
    out = []
    for query, table, length in zip(case.query, case.tables, case.lengths.tolist(), strict=True):
        first = 0 if window is None else max(0, length - window)
        slots = (table[:, None].long() * BLOCK + torch.arange(BLOCK)).reshape(-1)[first:length]
        keys, values = case.keys[:, slots].float(), case.values[:, slots].float()
        row = query.float()[None, :, None]
        out.append(F.scaled_dot_product_attention(row, keys[None], values[None], scale=scale, enable_gqa=True)[0, :, 0])
    return torch.stack(out)
