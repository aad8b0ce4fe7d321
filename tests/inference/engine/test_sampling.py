"""Draws follow the model's probabilities, and only them and the seed."""

from collections import Counter

import numpy as np
import pytest

from inference.api import Sampling
from inference.engine.generation.sampling import Sampler

LOGITS = np.log(np.array([0.5, 0.25, 0.15, 0.1], dtype=np.float32))


def draws(count: int, logits=LOGITS, **settings) -> list[int]:
    sampler = Sampler(Sampling(**{"temperature": 1.0, "seed": 5} | settings))
    return [sampler.choose(logits) for _ in range(count)]


def test_draws_are_as_frequent_as_the_probabilities():
    found = Counter(draws(4000))

    assert [found[token] / 4000 for token in range(4)] == pytest.approx([0.5, 0.25, 0.15, 0.1], abs=0.02)


def test_half_the_temperature_squares_the_odds():
    found = Counter(draws(4000, temperature=0.5))

    assert found[0] / found[1] == pytest.approx(4.0, rel=0.15)


@pytest.mark.parametrize(
    ("settings", "drawn"),
    [
        ({"top_k": 1}, {0}),
        ({"top_k": 2}, {0, 1}),
        ({"top_k": 9}, {0, 1, 2, 3}),
        ({"top_p": 0.5}, {0}),
        ({"top_p": 0.51}, {0, 1}),
        ({"top_p": 0.8, "top_k": 3}, {0, 1}),
        ({"temperature": 1e-9}, {0}),
    ],
)
def test_only_the_likeliest_are_drawn_where_that_is_asked(settings, drawn):
    assert set(draws(500, **settings)) == drawn


def test_a_struck_token_is_never_drawn():
    struck = np.where([True, False, True, True], LOGITS, -np.inf)

    assert set(draws(500, logits=struck)) == {0, 2, 3}
    assert set(draws(500, logits=struck, top_k=2, top_p=0.99)) == {0, 2}


def test_a_seed_repeats_its_draws_and_another_does_not():
    assert draws(50) == draws(50)
    assert draws(50) != draws(50, seed=6)
