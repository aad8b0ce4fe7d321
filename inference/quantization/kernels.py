"""Four ways to the same bits: int8 codes times int8 weights, summed exactly, scaled once.

M tokens, K inputs, N outputs. Every kernel set computes
``round(float32(sum_k (codes[m, k] - 128) * weight[n, k]) * scale[n])`` in the asked dtype. The sum is
an exact int32, so its order, and with it the batch, the blocking and the threads, cannot show.
"""

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor

ZERO_POINT = 128  # codes are unsigned: VNNI multiplies u8 by s8
# 2**31 / (255 * 127): beyond this many inputs an unsigned code's sum could leave int32.
MAX_INPUTS = 66_311


class Multiplier(Protocol):
    """A weight made ready for one kernel set."""

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """[M, K] uint8 to [M, N] in ``dtype``."""


class ReferenceMultiplier:
    """Plain int32 products; slow, and what the others are measured against."""

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        self._weight, self._scale = weight.t().int(), scale

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """[M, K] uint8 to [M, N] in ``dtype``."""
        sums = (codes.int() - ZERO_POINT) @ self._weight
        return (sums.float() * self._scale).to(dtype)


class IntMmMultiplier:
    """`torch._int_mm`, in every build of torch for CPU."""

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        self._weight, self._scale = weight.t(), scale  # a view: 5 times faster than contiguous [K, N], 2026-11-23

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """[M, K] uint8 to [M, N] in ``dtype``."""
        signed = codes.bitwise_xor(ZERO_POINT).view(torch.int8)
        sums = torch._int_mm(signed, self._weight)  # noqa: SLF001 - torch has no public name for it
        return sums.float().mul_(self._scale).to(dtype)


class OneDnnMultiplier:
    """oneDNN's VNNI product with the channel scale in its epilogue. A private operator of torch."""

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        self._weight = torch.ops.onednn.qlinear_prepack(weight, None)
        self._scale = scale
        self._zeros = torch.zeros(scale.shape, dtype=torch.int32)

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """[M, K] uint8 to [M, N] in ``dtype``."""
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            codes, 1.0, ZERO_POINT, self._weight, self._scale, self._zeros, None, 1.0, 0, dtype, "none", [], ""
        )
        return out


class SignedOneDnnMultiplier(OneDnnMultiplier):
    """The same on signed codes, for processors with AMX.

    There oneDNN takes the zero point off in float32, after the sum, which rounds beyond 2**24: with 1,408 inputs
    592 of 38,400 outputs were a bit off. Without a zero point nothing is taken off (2026-11-24).
    """

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """[M, K] uint8 to [M, N] in ``dtype``."""
        signed = codes.bitwise_xor(ZERO_POINT).view(torch.int8)
        out: Tensor = torch.ops.onednn.qlinear_pointwise(
            signed, 1.0, 0, self._weight, self._scale, self._zeros, None, 1.0, 0, dtype, "none", [], ""
        )
        return out


class _Maker(Protocol):
    def __call__(self, weight: Tensor, scale: Tensor) -> Multiplier:
        """[N, K] int8 and [N] float32 to a multiplier."""


REFERENCE = "reference"
# Fastest first.
KERNELS: Mapping[str, _Maker] = {
    "onednn-u8s8": OneDnnMultiplier,
    "onednn-s8s8": SignedOneDnnMultiplier,
    "int_mm": IntMmMultiplier,
    REFERENCE: ReferenceMultiplier,
}


# Inputs, where what differs between processors shows: few and many, past 2**24 in the sum of unsigned products.
PROBED_INPUTS = (320, 1408)


def choose_kernels(candidates: Mapping[str, _Maker] = KERNELS) -> str:
    """Name of the first kernel set that gives the reference's bits on this machine; takes milliseconds.

    Processors without VNNI add pairs of products in int16 and saturate, those with AMX may round long sums: the
    extreme codes among the probes show both.
    """
    return next((name for name, maker in candidates.items() if name == REFERENCE or is_exact(maker)), REFERENCE)


def is_exact(maker: _Maker) -> bool:
    """Whether a kernel set gives the reference's bits on this machine, as far as the probes show."""
    return all(_equals_reference(maker, inputs) for inputs in PROBED_INPUTS)


def _equals_reference(maker: _Maker, inputs: int) -> bool:
    draw = torch.Generator().manual_seed(7)
    weight = torch.randint(-127, 128, (96, inputs), generator=draw, dtype=torch.int8)
    weight[:2] = torch.tensor([[127], [-127]])
    scale = torch.rand(96, generator=draw)
    codes = torch.randint(1, 256, (100, inputs), generator=draw, dtype=torch.uint8)
    codes[:2] = torch.tensor([[255], [1]])
    reference = ReferenceMultiplier(weight, scale)
    try:
        multiply = maker(weight, scale)
        return all(
            torch.equal(multiply(codes[:count], dtype), reference(codes[:count], dtype))
            for count in (1, 2, 7, 16, 65, 100)
            for dtype in (torch.float32, torch.bfloat16)
        )
    except (RuntimeError, AttributeError, NotImplementedError):
        return False
