"""What is asked of every contender: accounts full of events, and a question at the end."""

from dataclasses import dataclass
from itertools import count

import numpy as np

from inference.api import EventPosition, EventSchema, Position, Question, ScoreRequest, TokenPosition

POSITIONS = 512
SHARED = 410  # 80 % of a case
LABELS = (3, 4)  # no, yes
TAIL = 3  # profile, new event, question


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """512 positions whose last one is the question; the first ``shared`` ones are the same in every case."""

    positions: tuple[Position, ...]
    shared: int

    def request(self, name: str) -> ScoreRequest:
        """The case as a request, under an id not used before."""
        question = Question(id="fraud", positions=self.positions[-TAIL:], labels=LABELS)
        record = self.positions[:-TAIL]
        return ScoreRequest(
            id=f"{name}-{next(_ids)}", model="risk", namespace="bank", record=record, questions=(question,)
        )


_ids = count()


class Cases:
    """Draws cases without end; the same seed draws the same ones."""

    def __init__(self, schema: EventSchema, *, shared: int, seed: int) -> None:
        self._schema = schema
        self._draw = np.random.default_rng(seed)
        self._shared = tuple(self._event() for _ in range(shared))

    def take(self, size: int) -> list[Case]:
        """So many new cases."""
        return [self._case() for _ in range(size)]

    def _case(self) -> Case:
        own = tuple(self._event() for _ in range(POSITIONS - 1 - len(self._shared)))
        return Case(positions=(*self._shared, *own, TokenPosition(1)), shared=len(self._shared))

    def _event(self) -> EventPosition:
        numbers = self._draw.standard_normal(len(self._schema.numbers))
        numbers[self._draw.random(len(numbers)) < 0.3] = np.nan
        codes = [int(self._draw.integers(field.size)) for field in self._schema.categories]
        return self._schema.pack(numbers.tolist(), codes)
