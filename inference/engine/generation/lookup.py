"""Guesses at what comes next, copied from where the last tokens stood before: in the record or in the text so far."""

from collections.abc import Sequence

GRAM = 3  # tokens that have to be the same before something is copied
WIDEST = 16
HOPE = 0.7  # the odds of a guess before any was checked: enough to try one beside fifty other requests
SWAY = 0.3  # weight of the last guesses in the odds
FORGET = 0.02  # by how much a token that was not guessed brings the odds back to hope: half in 34 tokens


class PromptLookup:
    """An index of one sequence's runs of `GRAM` tokens, and a memory of how well copying went.

    The longer copying goes well, the more is guessed at once. Whether a guess is worth its row is for the scheduler
    to say, who knows how many others there are.

    Attributes:
        odds: the share of guesses that are likely to be right, by the last ones.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._follows: dict[tuple[int, ...], int] = {}  # a run -> the place after its last occurrence
        self._width = 4
        self.odds = HOPE
        self.add(tokens)

    def add(self, tokens: Sequence[int]) -> None:
        """Go on with tokens that are certain; -1 for a position that is no token."""
        for token in tokens:
            place = len(self._tokens)
            if place >= GRAM:
                self._follows[tuple(self._tokens[-GRAM:])] = place
            self._tokens.append(token)

    def guess(self, limit: int) -> list[int]:
        """At most ``limit`` tokens that may come next."""
        place = self._follows.get(tuple(self._tokens[-GRAM:]))
        if place is None or limit < 1:
            return []
        guesses = self._tokens[place : place + min(self._width, limit)]
        return guesses[: guesses.index(-1)] if -1 in guesses else guesses

    def learn(self, *, guessed: int, right: int) -> None:
        """Hear how many of the last guesses were right; none may have been made."""
        if not guessed:
            self.odds += FORGET * (HOPE - self.odds)
            return
        self.odds += SWAY * (right / guessed - self.odds)
        self._width = min(WIDEST, 2 * self._width) if right == guessed else max(1, right)
