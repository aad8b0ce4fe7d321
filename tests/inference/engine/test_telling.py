"""What of a text may be told, and where a stop text ends it."""

import pytest

from inference.engine.generation.telling import Telling
from inference.tokenizer import Tokenizer
from tests.inference.engine.writers import tokenizer


@pytest.fixture(scope="module")
def library() -> Tokenizer:
    return Tokenizer(tokenizer().to_str().encode())


def tell(library, text, *, stops=(), by_byte=False):
    """All pieces of a text, token by token or byte by byte, and the telling at its end."""
    spelled = [library.encode(part) for part in ([*text] if by_byte else [text])]
    telling = Telling(library.stream([]), stops)
    pieces = []
    for token in [token for tokens in spelled for token in tokens]:
        ended = telling.add(token)
        pieces.append(telling.news(ended=ended))
        if ended:
            return pieces, telling
    return [*pieces, telling.news(ended=True)], telling


def test_half_a_character_is_held_back(library):
    pieces, telling = tell(library, "北ö京")

    assert telling.text == "北ö京"
    assert all("\ufffd" not in piece.text for piece in pieces)


def test_a_stop_text_is_found_across_tokens_and_never_told(library):
    pieces, telling = tell(library, "The risk. STOP and more", stops=(" STOP",), by_byte=True)

    assert telling.text == "The risk."
    assert "".join(piece.text for piece in pieces) == "The risk."
    assert len(telling.tokens) == 9


def test_what_only_looks_like_a_stop_text_is_told_in_the_end(library):
    pieces, telling = tell(library, "so ST", stops=("STOP",), by_byte=True)

    assert [piece.text for piece in pieces[-3:]] == ["", "", "ST"]
    assert telling.text == "so ST"


def test_a_token_that_a_stop_text_cuts_in_two_stays(library):
    _, telling = tell(library, "The amount is high.", stops=("mount",))

    assert telling.text == "The a"
    assert library.decode(telling.tokens) == "The amount"


def test_tokens_told_are_those_of_the_result(library):
    pieces, telling = tell(library, "low high low STOP", stops=("STOP", "gh low ST"), by_byte=True)

    assert sum((piece.tokens for piece in pieces), ()) == tuple(telling.tokens)
    assert telling.text == "low hi"


def test_without_a_tokenizer_tokens_are_told_at_once():
    telling = Telling(None, ())
    telling.add(7)

    assert (telling.news(ended=False).tokens, telling.text) == ((7,), "")
