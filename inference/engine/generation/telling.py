"""What of a generation may be told already: whole characters, and nothing that a stop text may yet claim."""

from collections.abc import Sequence

from inference.api import GeneratedTokens
from inference.tokenizer import TextStream


class Telling:
    """The tokens and the text of one generation, and how much of them was told.

    Attributes:
        tokens: so far; those that only spell a stop text are taken away when it is complete.
        text: so far, up to a stop text; always empty without a stream.
    """

    def __init__(self, stream: TextStream | None, stop_texts: Sequence[str]) -> None:
        self.tokens: list[int] = []
        self.text = ""
        self._stream = stream
        self._stop_texts = tuple(stop_texts)
        self._longest = max(map(len, stop_texts), default=0)
        self._begins: list[int] = []  # where in the text each token's own part begins
        self._told_tokens = self._told_text = 0

    def add(self, token: int) -> bool:
        """Take one more token; True if it completes a stop text, which ends both tokens and text."""
        before = len(self.text)
        self.tokens.append(token)
        self._begins.append(before)
        if self._stream is not None:
            self.text += self._stream.add(token)
        found = [
            place
            for stop in self._stop_texts
            if (place := self.text.find(stop, max(0, before - self._longest + 1))) >= 0
        ]
        if found:
            self._cut(min(found))
        return bool(found)

    def news(self, *, ended: bool) -> GeneratedTokens:
        """What may be told and was not; everything, once it ended."""
        text_to, tokens_to = len(self.text), len(self.tokens)
        if self._stop_texts and not ended:
            text_to -= self._claimed()
            while tokens_to and self._begins[tokens_to - 1] >= text_to:
                tokens_to -= 1
        tokens_to = max(tokens_to, self._told_tokens)
        news = GeneratedTokens(
            tokens=tuple(self.tokens[self._told_tokens : tokens_to]), text=self.text[self._told_text : text_to]
        )
        self._told_tokens, self._told_text = tokens_to, text_to
        return news

    def _claimed(self) -> int:
        """Length of the text's end that may be the beginning of a stop text."""
        for length in range(min(self._longest - 1, len(self.text)), 0, -1):
            if any(stop.startswith(self.text[-length:]) for stop in self._stop_texts):
                return length
        return 0

    def _cut(self, length: int) -> None:
        self.text = self.text[:length]
        while self.tokens and self._begins[-1] >= length:
            self.tokens.pop()
            self._begins.pop()
