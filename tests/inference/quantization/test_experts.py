"""Quantized experts: near the library's own, and a row's bits do not depend on who shares its expert."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import DeepseekV3Config
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3Experts, DeepseekV3TopkRouter

from inference.quantization.experts import QuantizedExperts, is_stack_of_experts
from inference.quantization.int8 import weight_bytes

SHAPE: dict[str, Any] = {"hidden_size": 128, "moe_intermediate_size": 64, "n_routed_experts": 8}
GROUPS: dict[str, Any] = {"num_experts_per_tok": 2, "n_group": 2, "topk_group": 1}


def experts() -> Any:
    """The library's, with weights that keep activations near one."""
    torch.manual_seed(4)
    module: Any = DeepseekV3Experts(DeepseekV3Config(**SHAPE | GROUPS))
    nn.init.normal_(module.gate_up_proj, std=0.1)
    nn.init.normal_(module.down_proj, std=0.1)
    return module.eval().requires_grad_(requires_grad=False)


def routed(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, their experts and the experts' weights."""
    draw = torch.Generator().manual_seed(9)
    router: Any = DeepseekV3TopkRouter(DeepseekV3Config(**SHAPE | GROUPS))
    nn.init.normal_(router.weight, generator=draw)
    rows = torch.randn(count, 128, generator=draw)
    _, weights, index = router(rows)
    return rows.bfloat16(), index, weights.detach()


def test_quantized_experts_stay_within_three_percent_of_the_librarys():
    rows, index, weights = routed(200)
    expected = experts()(rows.float(), index, weights)

    out = QuantizedExperts(experts(), kernels="reference")(rows, index, weights)

    assert out.dtype == torch.bfloat16
    assert (out.float() - expected).norm() / expected.norm() < 0.03


@pytest.mark.parametrize("kernels", ["int_mm", "reference"])
def test_a_rows_bits_do_not_depend_on_the_rows_routed_beside_it(kernels):
    quantized = QuantizedExperts(experts(), kernels=kernels)
    rows, index, weights = routed(320)
    whole = quantized(rows, index, weights)

    different = [
        count
        for count in range(16, 320, 16)
        if not torch.equal(quantized(rows[-count:], index[-count:], weights[-count:]), whole[-count:])
    ]

    assert different == []


def test_an_expert_nobody_chose_is_not_computed():
    rows, _, weights = routed(16)
    index = torch.tensor([[3, 5]]).expand(16, 2)
    quantized = QuantizedExperts(experts(), kernels="reference")
    quantized.down[0] = nn.Identity()  # has no product, so that asking it would fail

    assert quantized(rows, index, weights).shape == (16, 128)


def test_stacks_are_told_from_what_only_looks_like_them():
    biased = experts()
    biased.gate_up_proj_bias = nn.Parameter(torch.zeros(8, 128))

    assert is_stack_of_experts(experts())
    assert not is_stack_of_experts(biased)
    assert not is_stack_of_experts(nn.Linear(4, 4))


def test_quantized_experts_take_a_quarter_of_the_memory():
    before = weight_bytes(experts())

    assert (before, weight_bytes(QuantizedExperts(experts(), kernels="reference"))) == (786_432, 204_800)
