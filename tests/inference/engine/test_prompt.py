"""Requests as arrays: lengths, limits and where a chunk may be cut."""

import pytest

from inference.api import EventPosition, InvalidRequest, TokenPosition, WindowExceeded
from inference.engine.prompt import lay_out
from tests.checkpoints import SCHEMA
from tests.inference.engine.requests import ask, events, question, tokens


def prompt_of(record, *suffixes, window=512, schema=SCHEMA):
    return lay_out(ask(record, *suffixes), schema=schema, window=window, vocabulary=64)


def test_questions_follow_the_record_at_its_end():
    prompt = prompt_of(tokens(5, seed=1), tokens(2, seed=2), tokens(3, seed=3))

    assert prompt.branches == ((5, 7), (7, 10))
    assert prompt.position_ids.tolist() == [0, 1, 2, 3, 4, 5, 6, 5, 6, 7]


def test_events_and_tokens_keep_their_places():
    [event] = events(1, seed=1)
    prompt = prompt_of((TokenPosition(7), event), (TokenPosition(8), event))

    assert prompt.tokens.tolist() == [7, -1, 8, -1]
    assert prompt.event_at.tolist() == [1, 3]
    assert prompt.events.tobytes() == event.packed * 2


@pytest.mark.parametrize(
    ("start", "budget", "stop"),
    [
        (0, 1000, 70),
        (0, 40, 32),  # inside the record: a multiple of 16
        (32, 10, 32),
        (32, 18, 50),  # the record's end
        (0, 52, 50),  # never inside a short question
        (50, 2, 50),
        (50, 3, 53),
        (50, 10, 60),  # a long question may be cut
    ],
)
def test_a_chunk_is_cut_where_it_may_be(start, budget, stop):
    prompt = prompt_of(tokens(50, seed=1), tokens(3, seed=2), tokens(17, seed=3))

    assert prompt.cut(start, budget) == stop


def test_a_record_and_its_longest_question_have_to_fit_the_window():
    with pytest.raises(WindowExceeded, match="17 positions do not fit a window of 16"):
        prompt_of(tokens(12, seed=1), tokens(2, seed=2), tokens(5, seed=3), window=16)


@pytest.mark.parametrize("token", [-1, 64])
def test_a_token_outside_the_vocabulary_is_refused(token):
    with pytest.raises(InvalidRequest, match="outside the vocabulary"):
        prompt_of((TokenPosition(token),))


def test_a_label_outside_the_vocabulary_is_refused():
    request = ask((), labels := tokens(1, seed=1), questions=(question(labels),))
    with pytest.raises(InvalidRequest, match="label"):
        lay_out(request, schema=None, window=16, vocabulary=9)


def test_an_event_of_another_length_is_refused():
    with pytest.raises(InvalidRequest, match="24 bytes"):
        prompt_of((EventPosition(packed=b"short"),))


def test_an_events_code_outside_its_field_is_refused():
    packed = events(1, seed=1)[0].packed
    with pytest.raises(InvalidRequest, match="outside its field"):
        prompt_of((EventPosition(packed=packed[:-4] + (32).to_bytes(4, "little")),))


def test_a_checkpoint_without_an_encoder_refuses_events():
    with pytest.raises(InvalidRequest, match="tokens only"):
        prompt_of(events(1, seed=1), schema=None)
