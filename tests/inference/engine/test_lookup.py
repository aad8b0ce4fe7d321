"""Guesses are copied from where the last tokens stood before, the more the better that goes."""

import pytest

from inference.engine.generation.lookup import PromptLookup


def test_what_followed_the_last_occurrence_is_guessed():
    lookup = PromptLookup([1, 2, 3, 4, 9, 1, 2, 3, 5, 6, 7, 8, 1, 2, 3])

    assert lookup.guess(10) == [5, 6, 7, 8]


def test_nothing_is_guessed_where_nothing_came_before():
    assert PromptLookup([1, 2, 3, 4, 5, 6]).guess(10) == []
    assert PromptLookup([1, 2]).guess(10) == []


def test_no_more_is_guessed_than_may_be_written():
    assert PromptLookup([1, 2, 3, 4, 5, 1, 2, 3]).guess(1) == [4]
    assert PromptLookup([1, 2, 3, 4, 5, 1, 2, 3]).guess(0) == []


def test_a_guess_ends_before_what_is_no_token():
    assert PromptLookup([1, 2, 3, 4, -1, 5, 1, 2, 3]).guess(10) == [4]


def test_right_guesses_double_and_a_wrong_one_cuts_to_what_was_right():
    lookup = PromptLookup([*range(40), *range(3)])

    lookup.learn(guessed=4, right=4)
    assert len(lookup.guess(99)) == 8
    lookup.learn(guessed=8, right=2)
    assert len(lookup.guess(99)) == 2


def test_the_odds_follow_the_last_guesses_and_come_back_while_none_are_made():
    lookup = PromptLookup([])

    lookup.learn(guessed=4, right=2)
    assert lookup.odds == pytest.approx(0.64)
    for _ in range(9):
        lookup.learn(guessed=1, right=0)
    assert lookup.odds < 0.05
    for _ in range(34):
        lookup.learn(guessed=0, right=0)
    assert lookup.odds == pytest.approx(0.37, abs=0.02)
