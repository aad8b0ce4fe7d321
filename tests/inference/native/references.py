"""What the kernels compute, in torch, in the same order of summation."""

import torch
import torch.nn.functional as F
from torch import Tensor


def fused(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """a * b + c, rounded once to float32: a product of two float32 is exact in float64."""
    return (a.double() * b.double() + c.double()).float()


def rms_norm(x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
    """Squares are added in 16 lanes, then halves of the lanes until one is left."""
    lanes = torch.zeros(len(x), 16)
    for part in F.pad(x, (0, -x.shape[1] % 16)).split(16, dim=1):
        lanes = fused(part, part, lanes)
    while lanes.shape[1] > 1:
        half = lanes.shape[1] // 2
        lanes = lanes[:, :half] + lanes[:, half:]
    mean = lanes / x.shape[1] + torch.tensor(epsilon)
    inverse = 1.0 / mean.double().sqrt().float()  # torch's square root of float32 is not the nearest one
    return x * inverse * weight


def exp(x: Tensor) -> Tensor:
    """By a power of two and a polynomial of degree 6."""
    x = x.clamp(-87.0, 88.0)
    power_of_two = torch.round(x * torch.tensor(1.44269504))
    rest = fused(-power_of_two, torch.tensor(0.693359375), x)
    rest = fused(-power_of_two, torch.tensor(-2.12194440e-4), rest)
    result = torch.tensor(1.0) / 720.0
    for coefficient in (1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0):
        result = fused(result, rest, torch.tensor(coefficient))
    return torch.ldexp(result, power_of_two.int())


def silu(x: Tensor) -> Tensor:
    """x / (1 + exp(-x))."""
    return x / (1.0 + exp(-x))


def product(codes: Tensor, scales: Tensor, weight: Tensor, scale: Tensor, bias: Tensor) -> Tensor:
    """[M, K] and [N, K] int8 to [M, N]: an exact sum, then the channel's scale, the row's and the bias."""
    sums = codes.int() @ weight.int().t()
    return sums.float() * scale * scales[:, None] + bias


def turn(heads: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """[T, H, D] turned by [T, D], the first half with the second, to bfloat16."""
    first, second = heads.chunk(2, dim=-1)
    return (heads * cosine[:, None] + torch.cat([-second, first], dim=-1) * sine[:, None]).bfloat16()
