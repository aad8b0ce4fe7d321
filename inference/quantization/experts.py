"""Routed experts in W8A8: the largest part of a mixture-of-experts model.

transformers keeps a layer's experts as two stacked parameters. Here every expert is a pair of quantized
linear layers over the rows that were routed to it. A row's bits do not depend on who shares its expert:
sums of products are exact, the activation runs over all routed rows as one array whose length is the
batch's own (see `inference.engine.runner.GRANULE`), and a row's experts are added up in the router's order.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from inference.quantization.int8 import QuantizedLinear, quantize_rows

STACKED = ("gate_up_proj", "down_proj")
SILU = ("SiLU", "SiLUActivation")


class QuantizedExperts(nn.Module):
    """``sum_e weight_e * down_e(silu(gate_e(x)) * up_e(x))`` over each row's chosen experts.

    Stands where a decoder's `*Experts` module stood.
    """

    def __init__(self, experts: Any, *, kernels: str) -> None:
        super().__init__()
        gate_up, down = experts.gate_up_proj, experts.down_proj
        self.gate_up = nn.ModuleList(QuantizedLinear(weight, None, kernels=kernels) for weight in gate_up)
        self.down = nn.ModuleList(QuantizedLinear(weight, None, kernels=kernels) for weight in down)

    def forward(self, hidden_states: Tensor, top_k_index: Tensor, top_k_weights: Tensor) -> Tensor:
        """[T, hidden], the [T, K] experts of each row and their weights, to [T, hidden]."""
        rows, chosen = top_k_index.shape
        order = torch.argsort(top_k_index.reshape(-1), stable=True)  # routed rows, expert by expert
        counts = torch.bincount(top_k_index.reshape(-1), minlength=len(self.down)).tolist()
        codes, scale = quantize_rows(hidden_states)
        source = order // chosen
        gate, up = _by_expert(self.gate_up, codes[source], scale[source], counts).chunk(2, dim=-1)
        codes, scale = quantize_rows(F.silu(gate).mul_(up))
        out = torch.empty(rows * chosen, hidden_states.shape[1], dtype=hidden_states.dtype, device=codes.device)
        out[order] = _by_expert(self.down, codes, scale, counts)
        return _weighted(out.view(rows, chosen, -1), top_k_weights).to(hidden_states.dtype)


def is_stack_of_experts(module: nn.Module) -> bool:
    """Whether a module holds gated experts as three-dimensional parameters, without biases."""
    stacked = all(getattr(getattr(module, name, None), "ndim", 0) == 3 for name in STACKED)
    plain = {name for name, _ in module.named_parameters(recurse=False)} == set(STACKED)
    return stacked and plain and type(getattr(module, "act_fn", None)).__name__ in SILU


def _by_expert(linears: nn.ModuleList, codes: Tensor, scale: Tensor, counts: list[int]) -> Tensor:
    """[S, K] codes in the experts' order, ``counts`` rows for each, to [S, N]."""
    parts = zip(linears, torch.split(codes, counts), torch.split(scale, counts), strict=True)
    return torch.cat([linear.multiply(c, s) for linear, c, s in parts if len(c)])  # type: ignore[operator]


def _weighted(out: Tensor, weights: Tensor) -> Tensor:
    """[T, K, hidden] and [T, K] to [T, hidden] float32, added one by one: a reduction may pick its order."""
    total = out[:, 0].float() * weights[:, 0, None].float()
    for place in range(1, out.shape[1]):
        total += out[:, place].float() * weights[:, place, None].float()
    return total
