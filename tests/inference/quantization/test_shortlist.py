"""The shortlist's token is the head's own, or it says that it does not know."""

import pytest
import torch

from inference.quantization.head import FloatHead
from inference.quantization.shortlist import Shortlist

VOCABULARY, HIDDEN = 3000, 256


def draw(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(5))
def test_the_token_is_that_of_the_whole_head(seed):
    weight, rows = draw(VOCABULARY, HIDDEN, seed=seed), draw(64, HIDDEN, seed=100 + seed)

    found = Shortlist(weight).find(rows)

    known = found >= 0
    assert known.float().mean() > 0.9
    assert torch.equal(found[known], FloatHead(weight, None)(rows).argmax(1)[known])


def test_a_row_with_one_huge_input_is_answered_or_given_up():
    weight, rows = draw(VOCABULARY, HIDDEN, seed=1), draw(64, HIDDEN, seed=2)
    rows[:, 7] *= 40.0

    found = Shortlist(weight).find(rows)

    known = found >= 0
    assert torch.equal(found[known], FloatHead(weight, None)(rows).argmax(1)[known])


def test_two_tokens_with_the_same_weights_are_not_told_apart():
    weight, rows = draw(VOCABULARY, HIDDEN, seed=1), draw(8, HIDDEN, seed=2)
    best = FloatHead(weight, None)(rows).argmax(1)
    weight[(best[0] + 1) % VOCABULARY] = weight[best[0]]

    assert Shortlist(weight).find(rows)[0] == -1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 0.0])
def test_a_row_that_says_nothing_is_given_up(value):
    weight, rows = draw(VOCABULARY, HIDDEN, seed=1), draw(3, HIDDEN, seed=2)
    rows[1] = value

    assert Shortlist(weight).find(rows)[1] == -1


def test_what_is_found_does_not_depend_on_the_rows_beside_it():
    shortlist, rows = Shortlist(draw(VOCABULARY, HIDDEN, seed=1)), draw(40, HIDDEN, seed=2)

    assert torch.cat([shortlist.find(row[None]) for row in rows]).tolist() == shortlist.find(rows).tolist()
