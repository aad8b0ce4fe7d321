"""fp8 by rows: what the scales mean, how near it stays, which layers it takes, and where it is refused."""

from typing import Any

import pytest
import torch
from torch import nn

from inference.api import CheckpointRefused, Precision
from inference.quantization.fp8 import Fp8Linear, multiplies_fp8, quantize_fp8, quantize_linears_fp8
from inference.quantization.int8 import weight_bytes
from tests.checkpoints import load, make_deepseek, make_qwen3
from tests.inference.engine.requests import ask, largest_difference, tokens
from tests.inference.engine.test_architectures import plain_logits


def test_a_rows_largest_value_becomes_the_formats():
    codes, scale = quantize_fp8(torch.tensor([[1.0, -2.0, 0.25], [0.0, 0.0, 0.0]]))

    assert codes.float().tolist() == [[224.0, -448.0, 56.0], [0.0, 0.0, 0.0]]
    assert scale[0].tolist() == [pytest.approx(2.0 / 448.0)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("bias", [False, True])
def test_an_fp8_layer_is_the_product_of_its_codes_and_near_the_layer_it_replaces(dtype, bias):
    torch.manual_seed(2)
    layer = nn.Linear(128, 64, bias=bias)
    x = torch.randn(2, 20, 128).to(dtype)

    out = Fp8Linear(layer.weight, layer.bias)(x)

    exact = layer(x.float())
    assert (out.dtype, out.shape) == (dtype, (2, 20, 64))
    assert (out.float() - exact).norm() / exact.norm() < 0.05
    assert multiplies_fp8(torch.device("cpu"))


def test_sizes_that_no_kernel_takes_are_refused():
    with pytest.raises(ValueError, match="multiples of 16"):
        Fp8Linear(torch.zeros(64, 40), None)


def test_a_decoder_in_fp8_scores_near_float32_at_a_quarter_of_its_weight(tmp_path):
    path = make_qwen3(tmp_path)
    exact, loaded = (load(path, Precision.FP32) for _ in range(2))
    request = ask(tokens(60, seed=1), tokens(3, seed=2))
    before = weight_bytes(loaded.model.get_submodule("model.layers"))

    quantize_linears_fp8(loaded.model)

    assert largest_difference(plain_logits(loaded, request), plain_logits(exact, request)) < 0.3
    assert weight_bytes(loaded.model.get_submodule("model.layers")) / before < 0.27


def test_routers_and_stacked_experts_stay(tmp_path):
    decoder = load(make_deepseek(tmp_path), Precision.FP32).model

    quantize_linears_fp8(decoder)

    mlp: Any = decoder.get_submodule("model.layers.1.mlp")
    assert isinstance(mlp.shared_experts.down_proj, Fp8Linear)
    assert (mlp.gate.weight.dtype, mlp.experts.down_proj.dtype) == (torch.bfloat16, torch.bfloat16)


def test_a_cpu_is_refused(tmp_path):
    with pytest.raises(CheckpointRefused, match="fp8 needs a CUDA device"):
        load(make_qwen3(tmp_path), Precision.FP8)
