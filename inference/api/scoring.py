"""Closed questions about a record, answered in one pass."""

from dataclasses import dataclass

from inference.api.positions import Position
from inference.api.serving import ModelRef, Priority


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
