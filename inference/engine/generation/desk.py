"""Where a generation's request becomes a task: what it asks is checked against the checkpoint."""

from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING

from inference.api import Choices, GenerateRequest, InvalidRequest
from inference.checkpoints import LoadedModel
from inference.engine.generation.constrain import ChoiceMatcher, Matcher
from inference.engine.generation.telling import Telling
from inference.engine.generation.writing import Listener, Writing
from inference.engine.prompt import Prompt
from inference.tokenizer import TextStream

if TYPE_CHECKING:
    from inference.engine.generation.schemas import Grammars


class Desk:
    """One checkpoint's tokenizer and compiled grammars. Safe from any thread."""

    def __init__(self, loaded: LoadedModel, *, vocabulary: int) -> None:
        self._tokenizer = loaded.tokenizer
        self._ends = loaded.ends
        self._vocabulary = vocabulary
        self._lock = Lock()

    def task(self, request: GenerateRequest, prompt: Prompt, listener: Listener | None) -> Writing:
        """What is to be done for a request.

        Raises:
            InvalidRequest: it stops at a text or asks for JSON of a checkpoint without a tokenizer; a token is
                outside the vocabulary; a schema or a closed list cannot be followed.
        """
        stops = self._ends if request.stop_tokens is None else request.stop_tokens
        if any(not 0 <= token < self._vocabulary for token in stops):
            raise InvalidRequest("a stop token is outside the vocabulary")
        if request.stop_texts and self._tokenizer is None:
            raise InvalidRequest("this checkpoint has no tokenizer to find stop texts with")
        return Writing(
            request,
            prompt,
            telling=Telling(self._stream(prompt), request.stop_texts),
            stop_tokens=stops if request.constraint is None else stops | self._ends,
            matcher=self._matcher(request, stops | self._ends),
            listener=listener,
        )

    @cached_property
    def _grammars(self) -> "Grammars":
        if self._tokenizer is None:
            raise InvalidRequest("this checkpoint has no tokenizer to write JSON with")
        if not self._ends:
            raise InvalidRequest("this checkpoint names no end of text, which JSON needs")
        try:
            from inference.engine.generation.schemas import Grammars
        except ModuleNotFoundError as error:
            raise InvalidRequest("JSON by a schema needs llguidance, which is not installed") from error
        return Grammars(self._tokenizer, ends=self._ends, vocabulary=self._vocabulary)

    def _matcher(self, request: GenerateRequest, ends: frozenset[int]) -> Matcher | None:
        if request.constraint is None:
            return None
        if isinstance(request.constraint, Choices):
            return ChoiceMatcher(request.constraint, ends=ends, vocabulary=self._vocabulary)
        with self._lock:
            grammars = self._grammars
        return grammars.matcher(request.constraint.schema)

    def _stream(self, prompt: Prompt) -> TextStream | None:
        if self._tokenizer is None:
            return None
        return self._tokenizer.stream([token for token in prompt.tokens[: prompt.certain].tolist() if token >= 0])
