"""Text to tokens and back, by the `tokenizer.json` that a checkpoint may carry. Free of torch."""

from collections.abc import Sequence

from tokenizers import Tokenizer as Library
from tokenizers.decoders import DecodeStream

from inference.api import CheckpointRefused

CONTEXT = 8  # tokens before a stream that its first text may depend on: a leading space, a half-read character


class Tokenizer:
    """What a `tokenizer.json` says, and nothing else of a folder. Safe from any thread.

    Raises:
        CheckpointRefused: the content is no tokenizer.

    Attributes:
        json: the file's text, for libraries that read it themselves.
    """

    def __init__(self, content: bytes) -> None:
        try:
            self.json = content.decode()
            self._library: Library = Library.from_str(self.json)
        except Exception as error:  # the library raises bare Exception
            raise CheckpointRefused("tokenizer.json cannot be read") from error

    @property
    def size(self) -> int:
        """Number of token ids, special ones included."""
        return int(self._library.get_vocab_size())

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of a text, without special ones before or after it; those written in it are read."""
        return tuple(self._library.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of tokens, special ones left out."""
        return str(self._library.decode(list(tokens), skip_special_tokens=True))

    def stream(self, before: Sequence[int]) -> "TextStream":
        """Decode what follows ``before``, token by token."""
        return TextStream(self._library, before)


class TextStream:
    """The text of a sequence that grows by a token at a time."""

    def __init__(self, library: Library, before: Sequence[int]) -> None:
        self._library = library
        self._stream = DecodeStream(ids=list(before[-CONTEXT:]), skip_special_tokens=True)

    def add(self, token: int) -> str:
        """The characters that this token completes; empty while one is still half there."""
        return self._stream.step(self._library, token) or ""
