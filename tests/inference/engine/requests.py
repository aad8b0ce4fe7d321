"""Requests, engines and comparisons that the engine's tests share."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from inference.api import EventPosition, Position, Precision, Question, ScoreRequest, ScoreResult, TokenPosition
from inference.engine import EngineCore
from inference.engine.lane import Lane
from tests.checkpoints import SCHEMA, config, load

LABELS = (3, 4, 9)


def tokens(count: int, *, seed: int) -> tuple[TokenPosition, ...]:
    """Random tokens of the tiny checkpoints' vocabulary."""
    rng = random.Random(seed)
    return tuple(TokenPosition(rng.randrange(64)) for _ in range(count))


def events(count: int, *, seed: int) -> tuple[EventPosition, ...]:
    """Random events of the tiny checkpoints' schema, a tenth of their numbers missing."""
    rng = random.Random(seed)
    return tuple(
        SCHEMA.pack(
            [rng.gauss(0, 2) if rng.random() < 0.9 else float("nan") for _ in SCHEMA.numbers],
            [rng.randrange(field.size) for field in SCHEMA.categories],
        )
        for _ in range(count)
    )


def question(positions: Sequence[Position], *, name: str = "q") -> Question:
    """A question with three labels."""
    return Question(id=name, positions=tuple(positions), labels=LABELS)


def ask(record: Sequence[Position], *suffixes: Sequence[Position], **changes: Any) -> ScoreRequest:
    """A request to the model "tiny", with a question for every suffix; one of two tokens by default."""
    suffixes = suffixes or (tokens(2, seed=99),)
    questions = tuple(question(suffix, name=f"q{index}") for index, suffix in enumerate(suffixes))
    settings: dict[str, Any] = {
        "id": "r",
        "model": "tiny",
        "namespace": "bank",
        "record": tuple(record),
        "questions": questions,
    }
    return ScoreRequest(**settings | changes)


@contextmanager
def serving(path: Path, precision: Precision = Precision.INT8, **changes: Any) -> Iterator[EngineCore]:
    """A started engine over one checkpoint; at the end no request may hold a block."""
    engine = EngineCore([load(path, precision, **changes)], config(precision, **{"memory_mb": 48} | changes))
    engine.start()
    try:
        yield engine
        assert engine.drain(timeout_s=30)
        assert engine.stats().blocks_used == 0
        lane_of(engine).cache.check()
    finally:
        engine.stop()


def lane_of(engine: EngineCore, name: str = "tiny") -> Lane:
    """What serves one checkpoint."""
    return engine._lanes[name]


def logits(result: ScoreResult) -> list[tuple[float, ...]]:
    """Of every answer."""
    return [answer.logits for answer in result.answers]


def largest_difference(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """Between two lists of logits."""
    return max(abs(a - b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True))
