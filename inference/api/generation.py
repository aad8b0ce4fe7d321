"""Text, or any sequence of tokens, that a model writes after a record."""

from dataclasses import dataclass, field
from enum import StrEnum

from inference.api.positions import Position
from inference.api.serving import ModelRef, Priority


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a token is chosen among the model's logits.

    A choice depends on the logits, on these settings and on how many tokens the request has drawn
    before; on no other request.

    Attributes:
        temperature: divides the logits; 0 takes the likeliest token, the first of equals.
        top_k: only so many of the likeliest tokens may be drawn; None for all.
        top_p: only the likeliest tokens that together hold this much probability may be drawn, 0-1.
        seed: of the request's own generator.
    """

    temperature: float = 0.0
    top_k: int | None = None
    top_p: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature < float("inf"):
            raise ValueError("a temperature is zero or more")
        if self.top_k is not None and self.top_k < 1:
            raise ValueError("top_k leaves at least one token")
        if not 0.0 < self.top_p <= 1.0:
            raise ValueError("top_p is a share above 0 and at most 1")
        if self.seed < 0:
            raise ValueError("a seed is zero or more")


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The text is JSON that a schema accepts. Needs a checkpoint with a tokenizer.

    Attributes:
        schema: a JSON Schema, itself as JSON text.
    """

    schema: str


@dataclass(frozen=True, slots=True)
class Choices:
    """The tokens are one of a closed list of sequences.

    Attributes:
        options: at least one, all different, none empty.
    """

    options: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        if not self.options or not all(self.options):
            raise ValueError("a closed list has at least one option, and no empty one")
        if len(set(self.options)) != len(self.options):
            raise ValueError("the options of a closed list differ")


Constraint = JsonSchema | Choices


class FinishReason(StrEnum):
    """Why a generation ended where it did."""

    STOP = "stop"  # a stop token, a stop text, or nothing more that the constraint allows
    LENGTH = "length"


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """What follows a record, token by token.

    Attributes:
        id: unique among requests in flight, scores included.
        model: name of a checkpoint the engine was given.
        namespace: as in `ScoreRequest`. Full blocks of the record and of what is generated stay
            behind in its cache, so that the next turn of a conversation reads them.
        record: what is read first; at least one position.
        max_tokens: the most tokens to generate. Together with the record they fit the window.
        stop_tokens: generation ends before one of these; None for the checkpoint's own ends of text.
        stop_texts: generation ends where one of these begins in the text, also across tokens. Needs
            a checkpoint with a tokenizer.
        constraint: what the generated tokens have to be; None for anything.
        speculate: whether tokens may be guessed by looking up what followed before in the record
            and the text. It may save time and never changes a token.
        logprobs: whether the result carries each token's log-probability.
        deadline_at: on the ``time.monotonic()`` clock, or None.
    """

    id: str
    model: str
    namespace: str
    record: tuple[Position, ...]
    max_tokens: int
    stop_tokens: frozenset[int] | None = None
    stop_texts: tuple[str, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)
    constraint: Constraint | None = None
    speculate: bool = True
    logprobs: bool = False
    priority: Priority = Priority.NORMAL
    deadline_at: float | None = None

    def __post_init__(self) -> None:
        if not self.record:
            raise ValueError("a record to go on from has at least one position")
        if self.max_tokens < 1:
            raise ValueError("max_tokens is at least one")
        if not all(self.stop_texts):
            raise ValueError("a stop text is not empty")


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratedTokens:
    """What one step added to a generation.

    Attributes:
        tokens: the new tokens; none may come with text that was held back before.
        text: the new text, whole characters only, and nothing that may yet become a stop text.
            Empty without a tokenizer.
    """

    tokens: tuple[int, ...]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateUsage:
    """Positions and tokens of a generation.

    Attributes:
        prompt: positions of the record, ``cached + shared + computed``; see `Usage`.
        generated: tokens in the result.
        drafted: tokens that were guessed and checked.
        accepted: guesses that were right, each a forward pass saved.
        forced: tokens that the constraint left no choice about, taken without asking the model.
    """

    prompt: int
    cached: int
    shared: int
    computed: int
    generated: int
    drafted: int
    accepted: int
    forced: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateResult:
    """What became of a `GenerateRequest`.

    Attributes:
        tokens: generated, without the stop token and without what belongs to a stop text alone.
        text: of the tokens, up to a stop text; empty without a tokenizer.
        logprobs: of each token among the whole vocabulary, before temperature and constraint;
            empty unless asked for. A forced token's is NaN: the model was not asked.
        queue_ms: from submission to the first step.
        first_token_ms: from submission to the first token.
        compute_ms: from the first step to the end.
    """

    request_id: str
    tokens: tuple[int, ...]
    text: str
    finish_reason: FinishReason
    logprobs: tuple[float, ...]
    usage: GenerateUsage
    model: ModelRef
    queue_ms: float
    first_token_ms: float
    compute_ms: float
