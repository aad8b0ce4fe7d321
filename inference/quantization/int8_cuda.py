"""W8A8 on CUDA: torch's integer product, and what follows it in one kernel where Triton is at hand.

The sum is an exact int32 and every step after it is one correctly rounded operation in the CPU's order, so a
linear layer gives the CPU's bits. Each way has to show that before it is chosen.
"""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor

from inference.quantization.kernels import PROBED_INPUTS, ZERO_POINT, Multiplier, ReferenceMultiplier

STEP = 8  # `_int_mm` on CUDA takes inputs and outputs in multiples of it
FEWEST_ROWS = 32  # and no fewer than 17 rows


@runtime_checkable
class FusedMultiplier(Protocol):
    """A multiplier that also quantizes before and scales after, in kernels of its own."""

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """[M, K] to [M, N] in x's dtype, with the bits of the separate steps."""


class DoubleMultiplier:
    """Float64 products: exact below 2**53, on any device; what is left where nothing faster is exact."""

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        self._weight, self._scale = weight.t(), scale

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """[M, K] uint8 to [M, N] in ``dtype``."""
        sums = (codes.double() - ZERO_POINT) @ self._weight.double()
        return (sums.float() * self._scale).to(dtype)


class CudaIntMmMultiplier:
    """`torch._int_mm` on tensor cores, its operands filled up with zeros to the shapes that it takes."""

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        self._outputs, self._inputs = weight.shape
        filled = F.pad(weight, (0, -self._inputs % STEP, 0, -self._outputs % STEP))
        self._weight, self._scale = filled.contiguous().t(), scale

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        """[M, K] uint8 to [M, N] in ``dtype``."""
        sums = self.sums(codes.bitwise_xor(ZERO_POINT).view(torch.int8))
        return sums.float().mul_(self._scale).to(dtype)

    def sums(self, signed: Tensor) -> Tensor:
        """[M, K] int8 to [M, N] int32."""
        rows = max(FEWEST_ROWS, -(-len(signed) // STEP) * STEP)
        filled = F.pad(signed, (0, -self._inputs % STEP, 0, rows - len(signed)))
        out = torch._int_mm(filled, self._weight)  # noqa: SLF001 - torch has no public name for it
        return out[: len(signed), : self._outputs]


class TritonIntMmMultiplier(CudaIntMmMultiplier):
    """`CudaIntMmMultiplier` between two Triton kernels: one that quantizes, one that scales and adds the bias."""

    def linear(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """[M, K] to [M, N] in x's dtype."""
        from inference.quantization.int8_kernels import quantize_rows_triton, scale_sums_triton

        signed, scale = quantize_rows_triton(x.contiguous())
        return scale_sums_triton(self.sums(signed).contiguous(), self._scale, scale, bias)


class _Maker(Protocol):
    def __call__(self, weight: Tensor, scale: Tensor) -> Multiplier:
        """[N, K] int8 and [N] float32 to a multiplier."""


DOUBLE = "cuda-double"
# Fastest first.
CUDA_KERNELS: Mapping[str, _Maker] = {
    "cuda-int_mm-triton": TritonIntMmMultiplier,
    "cuda-int_mm": CudaIntMmMultiplier,
    DOUBLE: DoubleMultiplier,
}


def choose_cuda_kernels(device: torch.device, candidates: Mapping[str, _Maker] = CUDA_KERNELS) -> str:
    """Name of the first kernel set that gives the CPU reference's bits on this device."""
    return next((name for name, maker in candidates.items() if name == DOUBLE or is_exact_on(device, maker)), DOUBLE)


def is_exact_on(device: torch.device, maker: _Maker) -> bool:
    """Whether a kernel set gives the CPU reference's bits on a device, as far as the probes show."""
    if maker is TritonIntMmMultiplier and find_spec("triton") is None:
        return False
    try:
        return all(_equals_reference(device, maker, inputs) for inputs in PROBED_INPUTS)
    except (RuntimeError, AttributeError, NotImplementedError, ImportError):
        return False


def _equals_reference(device: torch.device, maker: _Maker, inputs: int) -> bool:
    draw = torch.Generator().manual_seed(7)
    weight = torch.randint(-127, 128, (96, inputs), generator=draw, dtype=torch.int8)
    weight[:2] = torch.tensor([[127], [-127]])
    scale = torch.rand(96, generator=draw)
    codes = torch.randint(1, 256, (100, inputs), generator=draw, dtype=torch.uint8)
    codes[:2] = torch.tensor([[255], [1]])
    reference, multiply = ReferenceMultiplier(weight, scale), maker(weight.to(device), scale.to(device))
    products = all(
        torch.equal(multiply(codes[:count].to(device), dtype).cpu(), reference(codes[:count], dtype))
        for count in (1, 7, 32, 100)
        for dtype in (torch.float32, torch.bfloat16)
    )
    return products and (
        not isinstance(multiply, FusedMultiplier) or _fuses_exactly(device, multiply, reference, inputs)
    )


def _fuses_exactly(
    device: torch.device, multiply: FusedMultiplier, reference: ReferenceMultiplier, inputs: int
) -> bool:
    from inference.quantization.int8 import quantize_rows

    draw = torch.Generator().manual_seed(8)
    bias = torch.randn(96, generator=draw).bfloat16()
    for dtype in (torch.float32, torch.bfloat16):
        x = torch.randn(100, inputs, generator=draw).to(dtype)
        x[0] = 0.0
        codes, scale = quantize_rows(x)
        expected = reference(codes, dtype).mul_(scale).add_(bias)
        if not torch.equal(multiply.linear(x.to(device), bias.to(device)).cpu(), expected):
            return False
    return True
