"""Which layers are swapped, and that stacking them changes no bit."""

from typing import Any

import pytest
import torch
from torch import nn
from transformers import Qwen2Config
from transformers.models.qwen2.modeling_qwen2 import Qwen2Attention, Qwen2MLP

from inference.quantization.experts import QuantizedExperts
from inference.quantization.fused import QuantizedMLP, StackedLinear
from inference.quantization.int8 import QuantizedLinear, weight_bytes
from inference.quantization.swap import quantize_linears
from tests.checkpoints import load, make_deepseek, make_qwen3


def wrapped(*layers: nn.Module) -> Any:
    """Modules where a decoder has its layers."""
    model = nn.Module()
    model.model = nn.Module()
    model.model.layers = nn.ModuleList(layers)
    return model


def qwen2() -> Qwen2Config:
    return Qwen2Config(hidden_size=128, intermediate_size=192, num_attention_heads=4, num_key_value_heads=2)


def rows(count: int) -> torch.Tensor:
    return torch.randn(1, count, 128, generator=torch.Generator().manual_seed(count)).bfloat16()


@pytest.mark.parametrize("count", [1, 16, 77])
def test_a_stacked_projection_gives_the_bits_of_its_layers(count):
    torch.manual_seed(1)
    attention: Any = Qwen2Attention(qwen2(), layer_idx=0)  # its query, key and value have biases
    names = ("q_proj", "k_proj", "v_proj")
    alone = [getattr(attention, name) for name in names]
    expected = [QuantizedLinear(layer.weight, layer.bias, kernels="reference")(rows(count)) for layer in alone]

    quantize_linears(wrapped(attention), kernels="reference")

    x = rows(count)
    out = [getattr(attention, name)(x) for name in names]
    assert all(torch.equal(a, b) for a, b in zip(out, expected, strict=True))


def test_parts_of_a_stack_refuse_another_input():
    stack = StackedLinear([nn.Linear(128, 64), nn.Linear(128, 64)], kernels="reference")
    stack.part(0, rows(2))

    with pytest.raises(AssertionError, match="one input"):
        stack.part(1, rows(2))


@pytest.mark.parametrize("count", [1, 16, 77])
def test_a_fused_mlp_gives_the_bits_of_its_three_layers(count):
    torch.manual_seed(2)
    mlp: Any = Qwen2MLP(qwen2())
    gate, up, down = (
        QuantizedLinear(layer.weight, None, kernels="reference") for layer in mlp.children() if hasattr(layer, "weight")
    )

    fused = QuantizedMLP(mlp, kernels="reference")

    x = rows(count)
    assert torch.equal(fused(x), down(nn.functional.silu(gate(x)) * up(x)))


def test_a_quantized_decoder_keeps_its_embeddings_and_head(tmp_path):
    decoder = load(make_qwen3(tmp_path)).model

    plain = [name for name, module in decoder.named_modules() if isinstance(module, nn.Linear | nn.Embedding)]

    assert plain == ["model.embed_tokens", "lm_head.tiles.inner"]


def test_experts_of_deepseek_are_quantized_and_its_routers_stay(tmp_path):
    decoder = load(make_deepseek(tmp_path)).model

    mlp: Any = decoder.get_submodule("model.layers.1.mlp")

    assert isinstance(mlp.shared_experts, QuantizedMLP)
    assert mlp.gate.weight.dtype == torch.bfloat16
    assert isinstance(mlp.experts, QuantizedExperts)
    assert mlp.gate.e_score_correction_bias.dtype == torch.float32


def test_int8_weights_take_a_quarter_of_the_memory():
    model = nn.Module()
    model.model = nn.Module()
    model.model.layers = nn.ModuleList([nn.Linear(1024, 1024, bias=False)])

    before = weight_bytes(model)
    quantize_linears(model, kernels="reference")

    assert (before, weight_bytes(model)) == (4_194_304, 1_052_672)
