"""What the small text model is taught follows from the record, and texts are measured as they should be."""

import pytest

from benchmarks.article import quality
from benchmarks.words import END, WORDS, spelled, texts


def test_the_summary_names_the_place_seen_most_often():
    for text in texts(50, seed=1):
        record, summary = spelled(text.record).split(), spelled(text.summary).split()
        place, times = summary[3], int(summary[5])

        assert record.count(place) == times


def test_the_same_seed_tells_the_same_texts_and_all_fit_the_model():
    first = texts(200, seed=2)

    assert first == texts(200, seed=2)
    assert max(len(text.record) + len(text.summary) for text in first) <= 88
    assert {text.summary[-1] for text in first} == {END}
    assert len(WORDS) <= 64


def test_equal_texts_score_one_and_a_changed_word_costs():
    text = "mostly at the casino seen 3 times"

    assert quality([text], [text]) == pytest.approx((1.0, 1.0))
    bleu, rouge = quality(["mostly at the hotel seen 3 times"], [text])
    assert 0.0 < bleu < 0.7
    assert rouge == pytest.approx(6 / 7)
