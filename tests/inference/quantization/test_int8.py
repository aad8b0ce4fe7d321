"""Quantized linear layers: their error is bounded, and a row's bits are its own."""

from typing import Any

import pytest
import torch
from torch import nn

from inference.quantization.int8 import QuantizedLinear, quantize_linears, quantize_rows, quantize_weight, weight_bytes
from tests.checkpoints import load, make_deepseek, make_qwen3


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


def test_codes_never_leave_their_range_however_the_scale_rounds():
    draw = torch.Generator().manual_seed(1)
    x = (torch.rand(20_000, 2, generator=draw) * 10 ** (torch.rand(20_000, 1, generator=draw) * 20 - 10)).bfloat16()
    x[:, 1] = -x[:, 0]

    codes, _ = quantize_rows(x)

    assert codes.min() == 1
    assert codes.max() == 255


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


def test_a_quantized_decoder_keeps_its_embeddings_and_head(tmp_path):
    decoder = load(make_qwen3(tmp_path)).model

    plain = [name for name, module in decoder.named_modules() if isinstance(module, nn.Linear | nn.Embedding)]

    assert plain == ["model.embed_tokens", "lm_head"]


def test_experts_and_routers_of_deepseek_stay_unquantized(tmp_path):
    decoder = load(make_deepseek(tmp_path)).model

    mlp: Any = decoder.get_submodule("model.layers.1.mlp")

    assert isinstance(mlp.shared_experts.gate_proj, QuantizedLinear)
    assert mlp.gate.weight.dtype == torch.bfloat16
    assert mlp.experts.gate_up_proj.dtype == torch.bfloat16
    assert mlp.gate.e_score_correction_bias.dtype == torch.float32


def test_int8_weights_take_a_quarter_of_the_memory():
    model = nn.Module()
    model.model = nn.Module()
    model.model.layers = nn.ModuleList([nn.Linear(1024, 1024, bias=False)])

    before = weight_bytes(model)
    quantize_linears(model, kernels="reference")

    assert (before, weight_bytes(model)) == (4_194_304, 1_052_672)
