"""Every kernel set gives the reference's bits, and the choice falls on the first that does."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from inference.quantization.kernels import (
    KERNELS,
    IntMmMultiplier,
    OneDnnMultiplier,
    ReferenceMultiplier,
    choose_kernels,
    is_exact,
)

# What the probe lets through on this processor; it must let something through, and hold for what it does.
FAST = [name for name, maker in KERNELS.items() if name != "reference" and is_exact(maker)]
# Asked 600 times. Without AMX, oneDNN takes 0.2 s for a product of signed codes, which no machine without it chooses.
ASKED_OFTEN = [name for name in FAST if name in {choose_kernels(), "int_mm"}]


class Saturating(ReferenceMultiplier):
    """As a processor without VNNI: products are added in pairs of int16."""

    def __call__(self, codes: Tensor, dtype: torch.dtype) -> Tensor:
        out = super().__call__(codes, dtype)
        return out.clamp(max=out.max() * 0.5)


class Absent(ReferenceMultiplier):
    """A build of torch without the operator."""

    def __init__(self, weight: Tensor, scale: Tensor) -> None:
        raise AttributeError("'_OpNamespace' 'onednn' object has no attribute 'qlinear_prepack'")


@pytest.fixture(params=[1, 2])
def threads(request) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def weights(out_features: int, in_features: int) -> tuple[Tensor, Tensor]:
    draw = torch.Generator().manual_seed(out_features)
    codes = torch.randint(-127, 128, (out_features, in_features), generator=draw, dtype=torch.int8)
    codes[0] = 127
    return codes, torch.rand(out_features, generator=draw) + 0.5


def activations(rows: int, in_features: int) -> Tensor:
    draw = torch.Generator().manual_seed(rows)
    codes = torch.randint(1, 256, (rows, in_features), generator=draw, dtype=torch.uint8)
    codes[0] = 255
    return codes


def test_some_fast_kernel_is_exact_here():
    assert "int_mm" in FAST
    assert choose_kernels() == FAST[0]


@pytest.mark.parametrize("shape", [(128, 64), (512, 256), (96, 1000), (256, 2816)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", FAST)
def test_a_fast_kernel_gives_the_bits_of_the_integer_reference(name, dtype, shape, threads):
    weight, scale = weights(*shape)
    codes = activations(100, shape[1])

    out = KERNELS[name](weight, scale)(codes, dtype)

    assert torch.equal(out, ReferenceMultiplier(weight, scale)(codes, dtype))


@pytest.mark.parametrize("name", ASKED_OFTEN)
def test_a_row_has_the_same_bits_in_every_batch_from_1_to_600_rows(name, threads):
    weight, scale = weights(64, 1408)  # sums pass 2**24, where float32 begins to round
    codes = activations(600, 1408)
    multiply = KERNELS[name](weight, scale)
    whole = ReferenceMultiplier(weight, scale)(codes, torch.float32)

    different = [rows for rows in range(1, 601) if not torch.equal(multiply(codes[:rows], torch.float32), whole[:rows])]

    assert different == []


@pytest.mark.parametrize("name", FAST)
def test_rows_keep_their_bits_when_they_change_places(name):
    weight, scale = weights(192, 704)
    codes = activations(333, 704)
    order = torch.randperm(333, generator=torch.Generator().manual_seed(3))
    multiply = KERNELS[name](weight, scale)

    assert torch.equal(multiply(codes[order], torch.bfloat16), multiply(codes, torch.bfloat16)[order])


def test_the_choice_passes_over_kernels_that_are_absent_or_inexact():
    candidates: dict[str, Any] = {
        "absent": Absent,
        "saturating": Saturating,
        "int_mm": IntMmMultiplier,
        "late": OneDnnMultiplier,
    }

    assert choose_kernels(candidates) == "int_mm"


def test_without_a_fast_kernel_the_reference_remains():
    assert choose_kernels({"absent": Absent}) == "reference"
