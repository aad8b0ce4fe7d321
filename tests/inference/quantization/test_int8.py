"""Quantized linear layers: their error is bounded, and a row's bits are its own."""

import pytest
import torch
from torch import nn

from inference.quantization.int8 import QuantizedLinear, quantize_rows, quantize_weight


def linear(*, bias: bool = False) -> nn.Linear:
    torch.manual_seed(5)
    return nn.Linear(256, 192, bias=bias)


def rows(count: int, dtype: torch.dtype = torch.bfloat16) -> torch.Tensor:
    return torch.randn(count, 256, generator=torch.Generator().manual_seed(11)).to(dtype)


def test_codes_of_a_row_reach_the_ends_of_their_range():
    codes, scale = quantize_rows(torch.tensor([[-254.0, 0.0, 127.0, 254.0]]))

    assert codes.tolist() == [[1, 128, 192, 255]]  # 63.5 rounds to even: 64
    assert scale.tolist() == [[2.0]]


def test_a_row_of_zeros_has_codes_that_mean_zero():
    codes, scale = quantize_rows(torch.zeros(1, 4, dtype=torch.bfloat16))

    assert codes.tolist() == [[128, 128, 128, 128]]
    assert torch.isfinite(scale).all()


def test_no_bfloat16_at_all_leaves_the_range_of_codes():
    every = torch.arange(1, 0x7F80, dtype=torch.int16).view(torch.bfloat16)[:, None]  # all positive finite values

    codes, _ = quantize_rows(torch.cat([every, -every], dim=1))

    normal = codes[every[:, 0] >= 1e-27]
    assert normal.unique(dim=0).tolist() == [[255, 1]]  # +127 and -127, although the scale has but 8 bits
    assert codes.min() == 1


def test_a_weight_is_rounded_by_at_most_half_a_step():
    weight = torch.randn(64, 128, generator=torch.Generator().manual_seed(2))

    codes, scale = quantize_weight(weight)

    assert ((codes * scale[:, None] - weight).abs() <= 0.5001 * scale[:, None]).all()


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_quantized_layer_stays_within_two_percent_of_the_layer_it_replaces(dtype, bias):
    layer = linear(bias=bias)
    x = rows(300, dtype)

    out = QuantizedLinear(layer.weight, layer.bias, kernels="reference")(x)

    exact = layer(x.float())
    assert out.dtype == dtype
    assert (out.float() - exact).norm() / exact.norm() < 0.02


@pytest.mark.parametrize("kernels", ["onednn-u8s8", "int_mm", "reference"])
def test_a_rows_bits_do_not_depend_on_its_batch(kernels):
    layer = QuantizedLinear(linear().weight, None, kernels=kernels)
    x = rows(600)
    whole = layer(x)

    different = [count for count in range(1, 601, 7) if not torch.equal(layer(x[:count]), whole[:count])]

    assert different == []


@pytest.mark.parametrize("kernels", ["onednn-u8s8", "int_mm"])
def test_every_kernel_set_gives_one_result(kernels):
    x = rows(130)
    reference = QuantizedLinear(linear().weight, None, kernels="reference")(x)

    assert torch.equal(QuantizedLinear(linear().weight, None, kernels=kernels)(x), reference)


def test_leading_dimensions_are_kept():
    out = QuantizedLinear(linear().weight, None, kernels="reference")(rows(6).view(1, 2, 3, 256))

    assert out.shape == (1, 2, 3, 192)


def test_too_many_inputs_for_an_exact_sum_are_refused():
    with pytest.raises(ValueError, match="at most 66311 inputs"):
        QuantizedLinear(torch.zeros(1, 66_312), None, kernels="reference")
