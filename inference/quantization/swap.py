"""Which layers of a Hugging Face decoder become W8A8, and which stay."""

import torch
from torch import nn

from inference.quantization.experts import SILU, QuantizedExperts, is_stack_of_experts
from inference.quantization.fused import QuantizedMLP, StackedLinear, StackedPart
from inference.quantization.int8 import QuantizedLinear

QKV = ("q_proj", "k_proj", "v_proj")
GATED = ("gate_proj", "up_proj", "down_proj")


def quantize_linears(model: nn.Module, *, kernels: str) -> None:
    """Swap the linear layers of a model's decoder layers for W8A8 and cast the rest to bfloat16, in place.

    Embeddings, the head, norms and routers stay as they are.
    """
    _swap(model.get_submodule("model.layers"), kernels=kernels)
    to_bfloat16(model)


def to_bfloat16(model: nn.Module) -> None:
    """Cast every parameter, in place."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)


def _swap(module: nn.Module, *, kernels: str) -> None:
    if _has_linears(module, QKV):
        stack = StackedLinear([getattr(module, name) for name in QKV], kernels=kernels)
        for index, name in enumerate(QKV):
            setattr(module, name, StackedPart(stack, index))
    for name, child in list(module.named_children()):
        if _has_linears(child, GATED) and type(getattr(child, "act_fn", None)).__name__ in SILU:
            setattr(module, name, QuantizedMLP(child, kernels=kernels))
        elif is_stack_of_experts(child):
            setattr(module, name, QuantizedExperts(child, kernels=kernels))
        elif isinstance(child, nn.Linear):
            setattr(module, name, QuantizedLinear(child.weight, child.bias, kernels=kernels))
        else:
            _swap(child, kernels=kernels)


def _has_linears(module: nn.Module, names: tuple[str, ...]) -> bool:
    return all(isinstance(getattr(module, name, None), nn.Linear) for name in names)
