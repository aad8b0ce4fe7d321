"""The Triton kernels around an integer product have the bits of torch's separate operations."""

import pytest
import torch

from inference.quantization.int8 import quantize_rows
from inference.quantization.int8_cuda import TritonIntMmMultiplier, is_exact_on
from tests.inference.devices import CUDA, DEVICE, needs_cuda, needs_triton

pytestmark = [pytest.mark.triton, needs_triton]
DTYPES = [torch.float32, torch.bfloat16] if CUDA else [torch.float32]  # the interpreter cuts bfloat16 off, unrounded


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("inputs", [50, 128])
def test_rows_are_quantized_to_the_same_codes_and_scales(dtype, inputs):
    from inference.quantization.int8_kernels import quantize_rows_triton

    x = torch.randn(40, inputs, generator=torch.Generator().manual_seed(1)).to(dtype)
    x[0], x[1, 0], x[2] = 0.0, 300.0, 0.5

    codes, scale = quantize_rows_triton(x.to(DEVICE))

    expected, expected_scale = quantize_rows(x)
    assert torch.equal(codes.cpu().view(torch.uint8) ^ 128, expected)
    assert torch.equal(scale.cpu(), expected_scale)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("biased", [False, True])
def test_sums_are_scaled_and_biased_with_the_same_roundings(dtype, biased):
    from inference.quantization.int8_kernels import scale_sums_triton

    draw = torch.Generator().manual_seed(2)
    sums = torch.randint(-(2**28), 2**28, (7, 300), generator=draw, dtype=torch.int32)
    channels, rows = torch.rand(300, generator=draw) * 1e-5, torch.rand(7, 1, generator=draw).to(dtype)
    bias = torch.randn(300, generator=draw).bfloat16() if biased else None
    there = None if bias is None else bias.to(DEVICE)

    out = scale_sums_triton(sums.to(DEVICE), channels.to(DEVICE), rows.to(DEVICE), there)

    expected = sums.float().mul_(channels).to(dtype).mul_(rows)
    expected = expected if bias is None else expected.add_(bias)
    assert torch.equal(out.cpu(), expected)


@needs_cuda
def test_the_probe_lets_the_fused_layer_through():
    assert is_exact_on(DEVICE, TritonIntMmMultiplier)
