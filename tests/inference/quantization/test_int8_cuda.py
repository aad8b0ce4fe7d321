"""Integer products for CUDA: the CPU's bits, and a choice that falls on the first kernels which give them."""

from typing import Any

import pytest
import torch
from torch import Tensor

from inference.quantization.int8 import QuantizedLinear
from inference.quantization.int8_cuda import (
    CUDA_KERNELS,
    CudaIntMmMultiplier,
    DoubleMultiplier,
    choose_cuda_kernels,
    is_exact_on,
)
from inference.quantization.kernels import ReferenceMultiplier

CPU = torch.device("cpu")


class Rounding(DoubleMultiplier):
    """Sums in bfloat16."""

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        return super().__call__(codes, torch.bfloat16).to(dtype)


def operands(rows: int, outputs: int, inputs: int) -> tuple[Tensor, Tensor, Tensor]:
    """Weights, their scales and codes."""
    draw = torch.Generator().manual_seed(rows)
    weight = torch.randint(-127, 128, (outputs, inputs), generator=draw, dtype=torch.int8)
    codes = torch.randint(1, 256, (rows, inputs), generator=draw, dtype=torch.uint8)
    return weight, torch.rand(outputs, generator=draw), codes


@pytest.mark.parametrize("maker", [CudaIntMmMultiplier, DoubleMultiplier])
@pytest.mark.parametrize("shape", [(1, 64, 128), (17, 30, 50), (33, 96, 1408)])
def test_products_of_any_shape_have_the_references_bits(maker, shape):
    weight, scale, codes = operands(*shape)

    out = maker(weight, scale)(codes, torch.bfloat16)

    assert torch.equal(out, ReferenceMultiplier(weight, scale)(codes, torch.bfloat16))


def test_a_layer_gives_the_same_bits_by_every_set_of_kernels():
    torch.manual_seed(1)
    weight, bias, x = torch.randn(64, 96), torch.randn(64), torch.randn(2, 9, 96).bfloat16()

    one, other = (QuantizedLinear(weight, bias, kernels=name)(x) for name in ("cuda-int_mm", "reference"))

    assert torch.equal(one, other)


def test_the_choice_passes_over_kernels_that_round():
    candidates: dict[str, Any] = {"rounding": Rounding, "int_mm": CudaIntMmMultiplier}

    assert not is_exact_on(CPU, Rounding)
    assert choose_cuda_kernels(CPU, candidates) == "int_mm"
    assert choose_cuda_kernels(CPU, {"rounding": Rounding}) == "cuda-double"


def test_kernels_are_named_fastest_first():
    assert list(CUDA_KERNELS) == ["cuda-int_mm-triton", "cuda-int_mm", "cuda-double"]
