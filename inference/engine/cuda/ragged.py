"""Attention of sequences over gathered keys: torch's variable-length flash kernel, or SDPA one by one.

Which one runs is decided by a probe, once for each shape of head: the flash kernel has to agree with SDPA.
"""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.engine.cuda.layout import Bounds, Ragged

TOLERANCE = 2e-2  # of the probe, in bfloat16 or float16: inputs near one, 34 keys at most
Attend = Callable[[Tensor, Tensor, Tensor, Ragged, float, int | None], Tensor]


def attend(
    query: Tensor, key: Tensor, value: Tensor, ragged: Ragged, *, scale: float, window: int | None = None
) -> Tensor:
    """Attend the rows of each sequence to its keys, causally, their ends aligned.

    R rows, C keys, H query heads, G key heads, D and E key and value head sizes.

    Args:
        query: [R, H, D].
        key: [C, G, D].
        value: [C, G, E].
        scale: multiplies q . k before the softmax.
        window: a row sees that many keys at most, itself included; None for all.

    Returns:
        [R, H, E].
    """
    chosen = choose(query.device, query.dtype, query.shape[1], key.shape[1], query.shape[2], value.shape[2])
    return chosen(query, key, value, ragged, scale, window)


@cache
def choose(device: torch.device, dtype: torch.dtype, heads: int, groups: int, size: int, width: int) -> Attend:
    """The flash kernel where it gives SDPA's answer on this device, else SDPA."""
    if device.type != "cuda" or dtype not in (torch.bfloat16, torch.float16):
        return attend_sdpa
    draw = torch.Generator().manual_seed(3)
    query, key, value = (
        torch.randn(count, many, length, generator=draw).to(device, dtype)
        for count, many, length in ((24, heads, size), (57, groups, size), (57, groups, width))
    )
    ragged = _probe(device)
    expected = attend_sdpa(query, key, value, ragged, size**-0.5, None)
    try:
        found = attend_flash(query, key, value, ragged, size**-0.5, None)
    except (RuntimeError, NotImplementedError, ImportError, TypeError, ValueError):
        return attend_sdpa
    return attend_flash if torch.allclose(found, expected, atol=TOLERANCE, rtol=TOLERANCE) else attend_sdpa


def attend_sdpa(query: Tensor, key: Tensor, value: Tensor, ragged: Ragged, scale: float, window: int | None) -> Tensor:
    """`attend` by one call of torch's SDPA for each sequence: any device, any dtype."""
    out = query.new_empty(query.shape[0], query.shape[1], value.shape[2])
    for bounds in ragged.bounds:
        q, k, v = query[bounds.rows], key[bounds.keys], value[bounds.keys]
        q, k, v = (states.transpose(0, 1).unsqueeze(0) for states in (q, k, v))
        mask = seen(bounds, window, query.device)
        one = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale, enable_gqa=True)
        out[bounds.rows] = one[0].transpose(0, 1)
    return out


def attend_flash(query: Tensor, key: Tensor, value: Tensor, ragged: Ragged, scale: float, window: int | None) -> Tensor:
    """`attend` by torch's variable-length flash kernel; float16 or bfloat16 on CUDA.

    One split of the keys, where torch lets us say so, for a row's sum must not follow the longest sequence beside
    it. Values narrower than keys, as DeepSeek's, are filled up: the kernel knows one size of head.
    """
    from torch.nn.attention.varlen import varlen_attn

    rows, keys = ragged.longest
    wide = F.pad(value, (0, query.shape[2] - value.shape[2])) if value.shape[2] < query.shape[2] else value
    out: Any = varlen_attn(
        query.contiguous(),
        key.contiguous(),
        wide.contiguous(),
        ragged.cu_rows,
        ragged.cu_keys,
        rows,
        keys,
        scale=scale,
        window_size=(-1 if window is None else window - 1, 0),
        **_extras(),
    )
    narrow: Tensor = out[..., : value.shape[2]]
    return narrow


@cache
def _extras() -> dict[str, Any]:
    """What newer versions of torch want said: grouped heads are no mistake, and keys are not split."""
    from torch.nn.attention.varlen import varlen_attn

    known = inspect.signature(varlen_attn).parameters
    return {name: value for name, value in {"enable_gqa": True, "num_splits": 1}.items() if name in known}


def seen(bounds: Bounds, window: int | None, device: torch.device) -> Tensor:
    """[rows, keys] bool: which keys each row of a sequence sees."""
    rows, keys = bounds.rows.stop - bounds.rows.start, bounds.keys.stop - bounds.keys.start
    at = torch.arange(keys - rows, keys, device=device)[:, None]
    key = torch.arange(keys, device=device)[None]
    mask = key <= at
    return mask if window is None else mask & (key > at - window)


def _probe(device: torch.device) -> Ragged:
    """A row with a past of 33 keys, and 17 and 6 rows without any."""
    rows, keys = torch.tensor([0, 1, 18, 24]), torch.tensor([0, 34, 51, 57])
    ends = list(zip(rows.tolist(), rows.tolist()[1:], keys.tolist(), keys.tolist()[1:], strict=False))
    return Ragged(
        rows=torch.arange(24, device=device),
        read_slots=torch.arange(57, device=device),
        cu_rows=rows.to(device, torch.int32),
        cu_keys=keys.to(device, torch.int32),
        bounds=tuple(Bounds(slice(a, b), slice(c, d)) for a, b, c, d in ends),
    )
