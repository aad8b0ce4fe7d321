"""Guesses at what comes next, copied from where the last tokens stood before: in the record or in the text so far."""

from collections.abc import Sequence

GRAM = 3  # tokens that have to be the same before something is copied
WIDEST = 16
LEAST_RATE = 0.25  # of guesses that are right; with fewer a wider batch costs more than it saves
PAUSE = 32  # tokens without a guess after too many wrong ones
SWAY = 0.3  # weight of the last guesses in the rate


class PromptLookup:
    """An index of one sequence's runs of `GRAM` tokens, and a memory of how well copying went.

    The longer copying goes well, the more is guessed at once; when it goes badly, it rests.
    """

    def __init__(self, tokens: Sequence[int]) -> None:
        self._tokens: list[int] = []
        self._follows: dict[tuple[int, ...], int] = {}  # a run -> the place after its last occurrence
        self._width = 4
        self._rate = 0.5
        self._resting = 0
        self.add(tokens)

    def add(self, tokens: Sequence[int]) -> None:
        """Go on with tokens that are certain; -1 for a position that is no token."""
        for token in tokens:
            place = len(self._tokens)
            if place >= GRAM:
                self._follows[tuple(self._tokens[-GRAM:])] = place
            self._tokens.append(token)
        self._resting = max(0, self._resting - len(tokens))

    def guess(self, limit: int) -> list[int]:
        """At most ``limit`` tokens that may come next; none while it rests."""
        if self._resting or limit < 1:
            return []
        place = self._follows.get(tuple(self._tokens[-GRAM:]))
        if place is None:
            return []
        guesses = self._tokens[place : place + min(self._width, limit)]
        return guesses[: guesses.index(-1)] if -1 in guesses else guesses

    def learn(self, *, guessed: int, right: int) -> None:
        """Hear how many of the last guesses were right."""
        self._rate += SWAY * (right / guessed - self._rate)
        self._width = min(WIDEST, 2 * self._width) if right == guessed else max(1, right)
        if self._rate < LEAST_RATE:
            self._resting, self._rate = PAUSE, 0.5
