"""The engine's contract, free of torch: what is asked, what is answered, what can go wrong.

A *record* is an append-only sequence of positions. A position is a token or an event; both are
read by the model at one place of its context, and both are cached by a digest of their content.
"""

import struct
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryField:
    """One categorical field of an event: codes 0 (missing) to ``size - 1``."""

    name: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSchema:
    """The typed fields of an event position, in packed order. Part of a checkpoint's config.

    ``version`` changes with the meaning of any field, so that a stored encoding and a
    checkpoint that disagree refuse each other.
    """

    version: str
    numbers: tuple[str, ...]
    categories: tuple[CategoryField, ...]

    @property
    def packed_bytes(self) -> int:
        """Length of one packed event: four bytes a field."""
        return 4 * (len(self.numbers) + len(self.categories))

    def pack(self, numbers: Sequence[float], categories: Sequence[int]) -> "EventPosition":
        """Lay out one event: float32 numbers, NaN for missing, then int32 codes, little-endian.

        Raises:
            ValueError: a count does not match the schema, or a code is outside its field.
        """
        if len(numbers) != len(self.numbers) or len(categories) != len(self.categories):
            raise ValueError("an event needs one value per field of its schema")
        for category, code in zip(self.categories, categories, strict=True):
            if not 0 <= code < category.size:
                raise ValueError(f"code {code} is outside field {category.name!r} of size {category.size}")
        layout = f"<{len(numbers)}f{len(categories)}i"
        return EventPosition(packed=struct.pack(layout, *numbers, *categories))


@dataclass(frozen=True, slots=True)
class TokenPosition:
    """A token id of the checkpoint's vocabulary."""

    token: int

    @property
    def digest(self) -> bytes:
        """16 bytes that stand for the content; tagged, so that no event equals a token."""
        return sha256(b"token" + struct.pack("<i", self.token)).digest()[:16]


@dataclass(frozen=True, slots=True)
class EventPosition:
    """One event as its packed typed fields; see `EventSchema.pack`."""

    packed: bytes

    @property
    def digest(self) -> bytes:
        """16 bytes that stand for the content."""
        return sha256(b"event" + self.packed).digest()[:16]


Position = TokenPosition | EventPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A closed list of answers, asked after the record.

    Attributes:
        id: names the answer in the result; unique within a request.
        positions: what follows the record; the last one is where the answer is read. At least one.
        labels: token ids of the possible answers. At least two, all different.
    """

    id: str
    positions: tuple[Position, ...]
    labels: tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.positions:
            raise ValueError(f"question {self.id!r} has no position to read its answer at")
        if len(self.labels) < 2 or len(set(self.labels)) != len(self.labels):
            raise ValueError(f"question {self.id!r} needs at least two different labels")


class Priority(IntEnum):
    """Who goes first when not everybody can; a lower value goes first."""

    INTERACTIVE = 0
    NORMAL = 1
    BATCH = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRequest:
    """Several questions over one record, answered in one pass.

    Attributes:
        id: unique among requests in flight.
        model: name of a checkpoint the engine was given.
        namespace: whose cache blocks may be read and left behind; an institution's id. Blocks
            never cross namespaces. The empty namespace is public.
        record: what all questions share; may be empty if no question needs it.
        questions: at least one.
        deadline_at: on the ``time.monotonic()`` clock, or None.
    """

    id: str
    model: str
    namespace: str
    record: tuple[Position, ...]
    questions: tuple[Question, ...]
    priority: Priority = Priority.NORMAL
    deadline_at: float | None = None

    def __post_init__(self) -> None:
        if not self.questions:
            raise ValueError("a request needs at least one question")
        if len({question.id for question in self.questions}) != len(self.questions):
            raise ValueError("question ids must differ")


class Precision(StrEnum):
    """Arithmetic of the linear layers."""

    FP32 = "fp32"
    BF16 = "bf16"
    INT8 = "int8"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRef:
    """Exactly what computed a result: the same ref and positions give the same bits for INT8 on CPU.

    Attributes:
        digest: sha256 over the checkpoint's files, hex.
        kernels: the kernel set the start-up self-test chose, e.g. ``onednn-u8s8``.
    """

    name: str
    digest: str
    precision: Precision
    kernels: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One question's answer.

    Attributes:
        logits: of the labels, in the question's order.
        probabilities: softmax over the labels' logits alone.
        label_mass: share of the whole vocabulary's probability that the labels hold, 0-1;
            low means that the model wanted to say something else.
    """

    question_id: str
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]
    label_mass: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Positions of a request: ``total = cached + shared + computed``.

    Attributes:
        total: the record once, plus every question's positions.
        cached: read from blocks left by earlier requests.
        shared: computed by another request of the same forward.
        computed: computed for this request.
    """

    total: int
    cached: int
    shared: int
    computed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreResult:
    """What became of a `ScoreRequest`."""

    request_id: str
    answers: tuple[Answer, ...]
    usage: Usage
    model: ModelRef
    queue_ms: float
    compute_ms: float

    def answer(self, question_id: str) -> Answer:
        """The answer to one question. Raises KeyError if it was not asked."""
        for answer in self.answers:
            if answer.question_id == question_id:
                return answer
        raise KeyError(question_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineStats:
    """A moment of an engine's life, for health and metrics."""

    running: int
    waiting: int
    blocks_free: int
    blocks_cached: int
    blocks_used: int
    last_step_at: float = field(default=0.0)


class EngineError(Exception):
    """Base of what an engine's future may raise."""

    code = "engine_error"


class UnknownModel(EngineError):
    """No checkpoint of that name is loaded."""

    code = "unknown_model"


class InvalidRequest(EngineError):
    """Positions or labels that this checkpoint cannot read."""

    code = "invalid_request"


class WindowExceeded(EngineError):
    """A record and one question together are longer than the model's window."""

    code = "window_exceeded"


class OutOfBlocks(EngineError):
    """The request alone needs more KV blocks than the pool or its namespace's quota has."""

    code = "out_of_blocks"


class QueueFull(EngineError):
    """Too much is waiting; try again later."""

    code = "queue_full"


class DeadlineExceeded(EngineError):
    """The deadline passed, or would have, before the answer."""

    code = "deadline_exceeded"


class Cancelled(EngineError):
    """Somebody cancelled the request."""

    code = "cancelled"


class EngineStopped(EngineError):
    """The engine drains or has stopped."""

    code = "engine_stopped"


class CheckpointRefused(EngineError):
    """A checkpoint that is incomplete, altered or unsafe to load."""

    code = "checkpoint_refused"


class Engine(Protocol):
    """What a caller may do with an engine; safe from any thread."""

    def submit(self, request: ScoreRequest) -> "Future[ScoreResult]":
        """Queue a request. The future raises an `EngineError`; submit itself raises only QueueFull,
        UnknownModel, InvalidRequest, WindowExceeded and EngineStopped."""

    def cancel(self, request_id: str) -> bool:
        """Give up a request; False if it is not in flight."""

    def purge(self, namespace: str) -> int:
        """Forget and zero every cached block of a namespace; returns how many."""

    def stats(self) -> EngineStats:
        """Where the engine stands now."""

    def drain(self, *, timeout_s: float) -> bool:
        """Refuse new requests and finish what is in flight; False if time ran out."""
