"""Requests for a checkpoint that nobody knows: random records around every boundary at which bits could turn."""

import random
from collections.abc import Callable

from inference.api import EventPosition, EventSchema, Position, Priority, Question, ScoreRequest, TokenPosition

NAMESPACE = "verify"
EDGES = (0, 1, 15, 16, 17, 63, 64, 100, 127, 128, 129, 250, 255, 257, 500, 511, 1023)  # blocks, tiles, granules
QUESTIONS = (1, 2, 3, 5, 16, 17, 25)  # positions, around what is never cut in two
LONGEST = 2048  # of a record: what a verification of a long-window model may cost is bounded
MISSING = 0.1  # share of an event's numbers


def draw_requests(
    *, model: str, vocabulary: int, schema: EventSchema | None, window: int, count: int, seed: int
) -> list[ScoreRequest]:
    """As many requests, of one to four questions; a third of the records begin alike. The same seed draws the same.

    Records are of events where the checkpoint reads them, of tokens otherwise; a window below 64 is too narrow.

    Raises:
        ValueError: the window is too narrow to draw for.
    """
    if window < 64:
        raise ValueError("a window of 64 positions at least is needed")
    rng = random.Random(seed)
    draw = _tokens(rng, vocabulary) if schema is None else _events(rng, schema)
    ask = _tokens(rng, vocabulary)
    room = min(window, LONGEST) - max(QUESTIONS)
    lengths = [edge for edge in EDGES if edge <= room] + [room]
    common = draw(room // 2)
    requests = []
    for index in range(count):
        length = lengths[index % len(lengths)]
        record = (common + draw(length))[:length] if index % 3 == 2 else draw(length)
        questions = tuple(_question(f"q{number}", ask, rng, vocabulary) for number in range(index % 4 + 1))
        requests.append(
            ScoreRequest(
                id=f"{index:04}",
                model=model,
                namespace=NAMESPACE,
                record=record,
                questions=questions,
                priority=Priority.NORMAL,
            )
        )
    return requests


Draw = Callable[[int], tuple[Position, ...]]


def _tokens(rng: random.Random, vocabulary: int) -> Draw:
    return lambda count: tuple(TokenPosition(rng.randrange(vocabulary)) for _ in range(count))


def _events(rng: random.Random, schema: EventSchema) -> Draw:
    def event() -> EventPosition:
        numbers = [rng.gauss(0.0, 2.0) if rng.random() > MISSING else float("nan") for _ in schema.numbers]
        return schema.pack(numbers, [rng.randrange(field.size) for field in schema.categories])

    return lambda count: tuple(event() for _ in range(count))


def _question(name: str, ask: Draw, rng: random.Random, vocabulary: int) -> Question:
    labels = tuple(rng.sample(range(vocabulary), k=min(3, vocabulary)))
    return Question(id=name, positions=ask(rng.choice(QUESTIONS)), labels=labels)
