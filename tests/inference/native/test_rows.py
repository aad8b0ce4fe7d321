"""Every step of the native decoder gives the bits of its reference in torch."""

import pytest
import torch
from torch import Tensor

from inference.native.rows import RowKernels
from inference.native.weights import PackedWeight
from inference.quantization.int8 import quantize_rows
from tests.inference.native import references

ROWS = [1, 2, 7, 16, 65]
WIDTHS = [16, 100, 192, 1408]


@pytest.fixture(scope="module")
def kernels(library) -> RowKernels:
    return RowKernels(library)


def rows(count: int, width: int) -> Tensor:
    draw = torch.Generator().manual_seed(count)
    x = torch.randn(count, width, generator=draw) * torch.rand(count, 1, generator=draw)
    x[0] = 0
    return x


def codes(count: int, width: int, *, seed: int) -> Tensor:
    drawn = torch.randint(-127, 128, (count, width), generator=torch.Generator().manual_seed(seed), dtype=torch.int8)
    drawn[0] = 127
    return drawn


@pytest.mark.parametrize("count", ROWS)
@pytest.mark.parametrize("width", WIDTHS)
def test_rows_are_quantized_as_by_the_reference(kernels, count, width):
    x = rows(count, width)
    expected, expected_scales = quantize_rows(x)

    found, scales, sums = kernels.quantize(x)

    assert torch.equal(found[:, :width].int(), expected.int() - 128)
    assert not found[:, width:].any()
    assert torch.equal(scales, expected_scales[:, 0])
    assert torch.equal(sums, found.sum(dim=1, dtype=torch.int32))


@pytest.mark.parametrize("count", ROWS)
@pytest.mark.parametrize("shape", [(64, 64), (96, 100), (1, 320), (200, 1408)])
def test_a_product_has_the_bits_of_the_integer_reference(kernels, count, shape):
    left, weight = codes(count, shape[1], seed=1), codes(*shape, seed=2)
    draw = torch.Generator().manual_seed(3)
    scales, scale, bias = (torch.rand(size, generator=draw) for size in (count, shape[0], shape[0]))

    out = kernels.multiply(left, scales, PackedWeight.of(weight, scale, bias))

    assert torch.equal(out, references.product(left, scales, weight, scale, bias))


@pytest.mark.parametrize("count", ROWS)
@pytest.mark.parametrize("width", WIDTHS)
def test_a_norm_has_the_bits_of_its_order_of_summation(kernels, count, width):
    x, weight = rows(count, width), torch.rand(width, generator=torch.Generator().manual_seed(5))

    out = kernels.rms_norm(x, weight, 1e-6)

    assert torch.equal(out, references.rms_norm(x, weight, 1e-6))


def test_silu_has_the_bits_of_its_polynomial_and_is_silu(kernels):
    x = torch.cat([torch.linspace(-100.0, 100.0, 20_001), torch.randn(999, generator=torch.Generator().manual_seed(1))])

    out = kernels.silu(x)

    assert torch.equal(out, references.silu(x))
    torch.testing.assert_close(out, torch.nn.functional.silu(x.double()).float(), rtol=3e-7, atol=1e-35)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_change_no_bit(kernels, threads):
    left, weight = codes(65, 320, seed=1), PackedWeight.of(codes(200, 320, seed=2), torch.rand(200))
    alone = kernels.multiply(left, torch.ones(65), weight)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)

    together = kernels.multiply(left, torch.ones(65), weight)

    torch.set_num_threads(before)
    assert torch.equal(together, alone)


def test_too_many_inputs_for_an_exact_sum_are_refused():
    with pytest.raises(ValueError, match="at most 66311 inputs"):
        PackedWeight.of(torch.zeros(1, 66_312, dtype=torch.int8), torch.ones(1))
