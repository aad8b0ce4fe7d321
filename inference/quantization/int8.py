"""W8A8: int8 weights by output channel, int8 activations by token.

A token's codes and scale come from that token alone, and the products are summed exactly (see
`kernels`), so a row's bits do not depend on the rows beside it.
"""

import torch
from torch import Tensor, nn

from inference.quantization.int8_cuda import CUDA_KERNELS, FusedMultiplier
from inference.quantization.kernels import KERNELS, MAX_INPUTS

TINY = 1e-30  # a row of zeros has scale zero; its codes are zero at any scale


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric int8 codes of each row, moved up by 128.

    The scale is rounded to x's dtype before it divides, so that multiplying by it in that dtype
    brings back what the codes mean. Every step is a single correctly rounded operation, whose
    result cannot depend on where in a vector an element lies.

    Args:
        x: [M, K], bfloat16 or float32, finite.

    Returns:
        [M, K] uint8 codes in 1-255, [M, 1] scales in x's dtype.
    """
    return row_codes(x, row_peaks(x))


def row_peaks(x: Tensor) -> Tensor:
    """Largest magnitude of each row: [M, K] to [M, 1] in x's dtype."""
    # Magnitudes order as their bits do: half the bytes, and no float copy, of abs().amax().
    bits, magnitude = (torch.int16, 0x7FFF) if x.dtype == torch.bfloat16 else (torch.int32, 0x7FFFFFFF)
    return (x.view(bits) & magnitude).amax(dim=1, keepdim=True).view(x.dtype)


def row_codes(x: Tensor, peaks: Tensor) -> tuple[Tensor, Tensor]:
    """`quantize_rows` of rows whose largest magnitudes, [M, 1], are known."""
    scale = peaks.mul(1.0 / 127.0).clamp_(min=TINY)
    values = x.to(torch.float32, copy=True).mul_(scale.float().reciprocal()).round_()
    # By way of int8: float to uint8 is four times slower (56 against 13 us for 512 x 256, 2026-11-23).
    return values.to(torch.int8).view(torch.uint8).bitwise_xor_(128), scale


def quantize_weight(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Symmetric int8 codes of each output channel: [N, K] to [N, K] int8 and [N] float32 scales."""
    scale = weight.float().abs().amax(dim=1).div_(127.0).clamp_(min=TINY)
    return (weight.float() / scale[:, None]).round_().to(torch.int8), scale


class QuantizedLinear(nn.Module):
    """A linear layer in W8A8; its output has its input's dtype.

    Raises:
        ValueError: more inputs than an exact int32 sum allows.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, *, kernels: str) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        if self.in_features > MAX_INPUTS:
            raise ValueError(f"an exact int32 sum takes at most {MAX_INPUTS} inputs")
        codes, scale = quantize_weight(weight.detach())
        self._multiply = {**KERNELS, **CUDA_KERNELS}[kernels](codes, scale)
        self._bias = None if bias is None else bias.detach().to(torch.bfloat16)

    @property
    def weight_bytes(self) -> int:
        """Bytes of the packed weight, its scales and its bias."""
        return self.out_features * (self.in_features + 4 + (0 if self._bias is None else 2))

    def forward(self, x: Tensor) -> Tensor:
        """[..., K] to [..., N]."""
        if isinstance(self._multiply, FusedMultiplier):
            fused = self._multiply.linear(x.reshape(-1, self.in_features), self._bias)
            return fused.view(*x.shape[:-1], self.out_features)
        codes, scale = quantize_rows(x.reshape(-1, self.in_features))
        return self.multiply(codes, scale).view(*x.shape[:-1], self.out_features)

    def multiply(self, codes: Tensor, scale: Tensor) -> Tensor:
        """[M, K] codes and [M, 1] scales to [M, N] in the scales' dtype."""
        out = self._multiply(codes, scale.dtype).mul_(scale)
        return out if self._bias is None else out.add_(self._bias)


def weight_bytes(module: nn.Module) -> int:
    """Bytes that a module's weights hold, quantized ones included."""
    plain = sum(tensor.nbytes for tensor in (*module.parameters(), *module.buffers()))
    return plain + sum(child.weight_bytes for child in module.modules() if isinstance(child, QuantizedLinear))
