"""What a generation's next token may be: one of a closed list here, JSON in `inference.engine.generation.schemas`.

A constraint changes nothing but the choice: disallowed tokens are struck from the logits. Where a single token is
left there is no choice, and it is taken without asking the model.
"""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.api import Choices, InvalidRequest

Mask = NDArray[np.bool_]


class Matcher(Protocol):
    """A constraint on its way through the tokens of one generation."""

    def allowed(self) -> Mask:
        """[V], which tokens may come next."""

    def accept(self, token: int) -> None:
        """Go on by an allowed token."""

    def forced(self) -> list[int]:
        """The tokens that have to come next, as far as there is no choice; none where there is one."""

    def viable(self, tokens: Sequence[int]) -> int:
        """How many of these tokens could come next, one after the other."""

    @property
    def complete(self) -> bool:
        """Whether nothing may come any more."""


class ChoiceMatcher:
    """Follows a closed list of token sequences, as a trie would.

    Where one option begins another, an end of text may follow the shorter one.

    Raises:
        InvalidRequest: a token is outside the vocabulary, or one option begins another and no end of text is known.
    """

    def __init__(self, choices: Choices, *, ends: frozenset[int], vocabulary: int) -> None:
        self._left = sorted(choices.options)
        self._depth = 0
        self._ends = sorted(ends)
        self._vocabulary = vocabulary
        if any(not 0 <= token < vocabulary for option in choices.options for token in option):
            raise InvalidRequest("an option has a token outside the vocabulary")
        if not ends and any(b[: len(a)] == a for a, b in zip(self._left, self._left[1:], strict=False)):
            raise InvalidRequest("one option begins another, and no stop token tells which is meant")

    def allowed(self) -> Mask:
        """[V], the tokens by which some option goes on."""
        mask = np.zeros(self._vocabulary, dtype=np.bool_)
        mask[self._next()] = True
        return mask

    def accept(self, token: int) -> None:
        """Leave only the options that go on by this token."""
        self._left = [option for option in self._left if option[self._depth : self._depth + 1] == (token,)]
        self._depth += 1

    def forced(self) -> list[int]:
        """What all options left have in common."""
        shortest, last = self._left[0], self._left[-1]  # of sorted sequences, the first and the last differ soonest
        stop = self._depth
        while stop < min(len(shortest), len(last)) and shortest[stop] == last[stop]:
            stop += 1
        return list(shortest[self._depth : stop])

    def viable(self, tokens: Sequence[int]) -> int:
        """The longest beginning that some option has."""
        for count in range(len(tokens), 0, -1):
            if any(option[self._depth : self._depth + count] == tuple(tokens[:count]) for option in self._left):
                return count
        return 0

    @property
    def complete(self) -> bool:
        """Whether one option is left and was spelled out."""
        return len(self._left) == 1 and len(self._left[0]) == self._depth

    def _next(self) -> list[int]:
        tokens = [option[self._depth] for option in self._left if len(option) > self._depth]
        return tokens if len(tokens) == len(self._left) else [*tokens, *self._ends]
