"""W8A8: int8 weights by output channel, int8 activations by token, exact int32 sums.

A sum of integers does not depend on its order, so a row's bits do not depend on the batch it is in,
on the kernel or on the threads.
"""

import torch
from torch import Tensor, nn

REFERENCE = "reference"


class QuantizedLinear(nn.Module):
    """A linear layer in W8A8; input and output keep the input's dtype."""

    def __init__(self, linear: nn.Linear, *, kernels: str) -> None:
        super().__init__()
        weight = linear.weight.detach().float()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.scale = weight.abs().amax(dim=1).clamp(min=1e-12) / 127.0
        self.weight = (weight / self.scale[:, None]).round().to(torch.int8)
        self.bias = None if linear.bias is None else linear.bias.detach().float()
        self.kernels = kernels

    def forward(self, x: Tensor) -> Tensor:
        """[..., K] to [..., N]."""
        rows = x.reshape(-1, self.in_features).float()
        scale = rows.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127.0
        codes = (rows / scale).round().to(torch.int8)
        sums = codes.int() @ self.weight.int().t()
        out = sums.float() * self.scale * scale
        if self.bias is not None:
            out = out + self.bias
        return out.to(x.dtype).reshape(*x.shape[:-1], self.out_features)


def choose_kernels() -> str:
    """Name of the fastest kernel set that equals the reference here."""
    return REFERENCE


def quantize_linears(model: nn.Module, *, kernels: str) -> None:
    """Swap the linear layers of a model's decoder layers for W8A8, and cast the rest to bfloat16, in place."""
    layers = model.get_submodule("model.layers")
    for module in list(layers.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Linear):
                setattr(module, name, QuantizedLinear(child, kernels=kernels))
    for parameter in model.parameters():
        parameter.data = parameter.data.to(torch.bfloat16)


def weight_bytes(module: nn.Module) -> int:
    """Bytes that a module's weights hold, quantized ones included."""
    plain = sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))
    quantized = [child for child in module.modules() if isinstance(child, QuantizedLinear)]
    return plain + sum(child.in_features * child.out_features + 4 * child.out_features for child in quantized)
