"""Native row quantization gives the codes and scales of the reference in torch."""

import pytest
import torch

from inference.native.quantize import RowQuantizer
from inference.quantization.int8 import quantize_rows


def rows(count: int, width: int) -> torch.Tensor:
    draw = torch.Generator().manual_seed(count)
    x = torch.randn(count, width, generator=draw) * torch.rand(count, 1, generator=draw)
    x[0] = 0
    return x


@pytest.mark.parametrize("count", [1, 2, 7, 16, 65])
@pytest.mark.parametrize("width", [16, 100, 192, 1408])
def test_codes_and_scales_are_those_of_the_reference(library, count, width):
    x = rows(count, width)
    expected, expected_scales = quantize_rows(x)

    codes, scales, sums = RowQuantizer(library)(x)

    assert torch.equal(codes.int(), expected.int() - 128)
    assert torch.equal(scales, expected_scales[:, 0])
    assert torch.equal(sums, codes.sum(dim=1, dtype=torch.int32))
