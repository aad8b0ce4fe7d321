"""Paged decode in plain torch against attention over each context by itself."""

import pytest
import torch

from inference.engine.cuda.decode import paged_decode
from tests.inference.engine.cuda.contexts import contexts, plain

LENGTHS = (1, 15, 16, 17, 200)


@pytest.mark.parametrize(("heads", "groups"), [(4, 4), (4, 2), (14, 2), (6, 1)])
def test_a_row_attends_to_its_own_context(heads, groups):
    case = contexts(LENGTHS, heads=heads, groups=groups, value=32)

    out = paged_decode(case.query, case.keys, case.values, case.tables, case.lengths, scale=0.125)

    torch.testing.assert_close(out, plain(case, scale=0.125), rtol=0.0, atol=2e-6)


def test_a_window_hides_what_lies_before_it():
    case = contexts(LENGTHS)

    out = paged_decode(case.query, case.keys, case.values, case.tables, case.lengths, scale=0.125, window=20)

    torch.testing.assert_close(out, plain(case, scale=0.125, window=20), rtol=0.0, atol=2e-6)


def test_products_of_a_second_part_of_queries_and_keys_are_added():
    case = contexts(LENGTHS, heads=6, groups=1, size=96)
    (first, second), (latents, rotary) = case.query.split((64, 32), -1), case.keys.split((64, 32), -1)

    out = paged_decode(first, latents, latents, case.tables, case.lengths, scale=0.1, rope=(second, rotary))

    joined = paged_decode(case.query, case.keys, latents, case.tables, case.lengths, scale=0.1)
    torch.testing.assert_close(out, joined, rtol=0.0, atol=2e-6)


def test_heads_that_do_not_divide_are_refused():
    case = contexts((5,), heads=5, groups=2)

    with pytest.raises(ValueError, match="groups of one size"):
        paged_decode(case.query, case.keys, case.values, case.tables, case.lengths, scale=1.0)
