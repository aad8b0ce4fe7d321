"""What the small text model is taught follows from the record, and texts are measured as they should be."""

import pytest

from benchmarks.article.quality import quality
from benchmarks.article.words import END, LONGEST, TURNS, WORDS, Form, spelled, talks

every_form = pytest.mark.parametrize("form", Form)


@every_form
def test_the_summary_names_the_place_seen_most_often_so_far(form):
    for talk in talks(form, 30, seed=1):
        told: list[str] = []
        for turn in talk:
            told += spelled(turn.told).split()
            summary = spelled(turn.summary).split()

            assert told.count(summary[3]) == int(summary[5])


@every_form
def test_the_same_seed_tells_the_same_talks_and_all_fit_the_model(form):
    first = talks(form, 100, seed=2)

    assert first == talks(form, 100, seed=2)
    assert {len(talk) for talk in first} == {TURNS[form]}
    assert max(sum(len(turn.told) + len(turn.summary) for turn in talk) for talk in first) <= LONGEST
    assert {turn.summary[-1] for talk in first for turn in talk} == {END}
    assert len(WORDS) <= 128


def test_equal_texts_score_one_and_a_changed_word_costs():
    text = "mostly at the casino seen 3 times"

    assert quality([text], [text]) == pytest.approx((1.0, 1.0))
    bleu, rouge = quality(["mostly at the hotel seen 3 times"], [text])
    assert 0.0 < bleu < 0.7
    assert rouge == pytest.approx(6 / 7)
