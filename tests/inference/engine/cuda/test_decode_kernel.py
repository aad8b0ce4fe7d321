"""The Triton kernel against plain attention: on a GPU, or anywhere by Triton's interpreter.

`make test-triton` runs these on a CPU, `make test-gpu` on a device.
"""

import pytest
import torch

from inference.engine.cuda.decode import paged_decode_reference
from tests.inference.devices import CUDA, DEVICE, needs_triton
from tests.inference.engine.cuda.contexts import Contexts, contexts, plain

pytestmark = [pytest.mark.triton, needs_triton]
FLOATS = [(torch.float32, 2e-6), (torch.float16, 2e-3)]
DTYPES = [*FLOATS, (torch.bfloat16, 1.6e-2)] if CUDA else FLOATS  # the interpreter multiplies bfloat16 as integers
LENGTHS = (1, 16, 33, 511, 512, 513, 1100)  # around a block's end and a part's


def decode(case: Contexts, *, scale: float, window: int | None = None) -> torch.Tensor:
    from inference.engine.cuda.decode_kernel import paged_decode_triton

    tensors = (case.query, case.keys, case.values, case.tables, case.lengths)
    query, keys, values, tables, lengths = (tensor.to(DEVICE) for tensor in tensors)
    return paged_decode_triton(query, keys, values, tables, lengths, scale=scale, rope=None, window=window).cpu()


@pytest.mark.parametrize(("dtype", "near"), DTYPES)
@pytest.mark.parametrize(("heads", "groups"), [(4, 2), (14, 2), (40, 1)])
def test_a_row_attends_to_its_own_context(heads, groups, dtype, near):
    case = contexts(LENGTHS, heads=heads, groups=groups, dtype=dtype)

    out = decode(case, scale=0.125)

    assert out.dtype == dtype
    torch.testing.assert_close(out.float(), plain(case, scale=0.125), rtol=0.0, atol=near)


@pytest.mark.parametrize("window", [1, 20, 600])
def test_a_window_hides_what_lies_before_it(window):
    case = contexts(LENGTHS)

    out = decode(case, scale=0.125, window=window)

    torch.testing.assert_close(out, plain(case, scale=0.125, window=window), rtol=0.0, atol=2e-6)


def test_sizes_that_are_no_power_of_two_are_served():
    case = contexts((40, 700), size=80, value=48)

    torch.testing.assert_close(decode(case, scale=0.1), plain(case, scale=0.1), rtol=0.0, atol=2e-6)


def test_latents_are_keys_and_values_and_a_rotary_part_is_added():
    from inference.engine.cuda.decode_kernel import paged_decode_triton

    case = contexts(LENGTHS, heads=20, groups=1, size=96)
    (first, second), (latents, rotary) = case.query.split((64, 32), -1), case.keys.split((64, 32), -1)
    parts = (first, latents.contiguous(), latents.contiguous(), case.tables, case.lengths)
    query, keys, values, tables, lengths = (tensor.to(DEVICE) for tensor in parts)
    rope = (second.to(DEVICE), rotary.contiguous().to(DEVICE))

    out = paged_decode_triton(query, keys, values, tables, lengths, scale=0.1, rope=rope, window=None).cpu()

    joined = paged_decode_reference(case.query, case.keys, latents, case.tables, case.lengths, scale=0.1)
    torch.testing.assert_close(out, joined, rtol=0.0, atol=2e-6)


@pytest.mark.parametrize("dtype", [dtype for dtype, _ in DTYPES])
def test_a_row_has_the_same_bits_alone_and_beside_longer_ones(dtype):
    case = contexts(LENGTHS, dtype=dtype)
    whole = decode(case, scale=0.125)

    for row, length in enumerate(LENGTHS):
        alone = Contexts(
            query=case.query[row : row + 1],
            keys=case.keys,
            values=case.values,
            tables=case.tables[row : row + 1, : -(-length // 16)].contiguous(),
            lengths=case.lengths[row : row + 1],
        )
        assert torch.equal(decode(alone, scale=0.125)[0], whole[row])
