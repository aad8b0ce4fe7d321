"""JSON by a schema, followed by llguidance. Loaded when the first request asks for it."""

from collections.abc import Sequence
from functools import lru_cache

import llguidance.numpy
import numpy as np
from llguidance import LLMatcher, LLTokenizer

from inference.api import InvalidRequest
from inference.engine.generation.constrain import Mask
from inference.tokenizer import Tokenizer

SCHEMAS = 128  # compiled ones that are kept; a compiled schema takes tens of kilobytes


class JsonMatcher:
    """Follows a compiled JSON schema."""

    def __init__(self, matcher: LLMatcher, *, vocabulary: int) -> None:
        self._matcher = matcher
        self._vocabulary = vocabulary

    def allowed(self) -> Mask:
        """[V], the tokens by which the JSON goes on; an end of text where it may end."""
        bits = llguidance.numpy.allocate_token_bitmask(1, self._vocabulary)
        llguidance.numpy.fill_next_token_bitmask(self._matcher, bits)
        mask: Mask = np.unpackbits(bits.view(np.uint8), bitorder="little")[: self._vocabulary].view(np.bool_)
        return mask

    def accept(self, token: int) -> None:
        """Go on by an allowed token."""
        accepted = self._matcher.consume_token(token)
        assert accepted, "only what is allowed is accepted"

    def forced(self) -> list[int]:
        """The one way, in the tokenizer's own spelling, up to the next choice."""
        return list(self._matcher.compute_ff_tokens())

    def viable(self, tokens: Sequence[int]) -> int:
        """How many of these tokens the schema would take."""
        return int(self._matcher.validate_tokens(list(tokens)))

    @property
    def complete(self) -> bool:
        """Whether the JSON is whole and nothing may follow."""
        return bool(self._matcher.is_stopped())


class Grammars:
    """Compiles JSON schemas for one checkpoint's tokenizer. Safe from any thread."""

    def __init__(self, tokenizer: Tokenizer, *, ends: frozenset[int], vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._tokenizer = LLTokenizer(tokenizer.json, n_vocab=vocabulary, eos_token=sorted(ends))
        self._compiled = lru_cache(maxsize=SCHEMAS)(self._compile)

    def matcher(self, schema: str) -> JsonMatcher:
        """A matcher at the beginning of the JSON. Raises InvalidRequest for what is no schema."""
        return JsonMatcher(self._compiled(schema).deep_copy(), vocabulary=self._vocabulary)

    def _compile(self, schema: str) -> LLMatcher:
        try:
            grammar = LLMatcher.grammar_from_json_schema(schema, overrides={"whitespace_flexible": False})
        except ValueError as error:
            raise InvalidRequest("the schema is not JSON") from error
        matcher = LLMatcher(self._tokenizer, grammar, log_level=0)
        if matcher.is_error():
            raise InvalidRequest(f"the schema cannot be followed: {matcher.get_error()}")
        return matcher
