"""What a step costs: a line through three measures of it, learned while the engine works.

Seconds = fixed + a x positions + b x reads, none of them negative, fitted to the last steps by least squares of the
relative error. A relative error is robust on the side that matters here: a step that hung for a second counts as one
whose measures are next to nothing, and hardly moves the line.
"""

from collections import deque
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

WINDOW = 64  # steps; the last few seconds of a busy engine, so that the line follows a machine shared with others
FIT_EVERY = 8  # steps; a fit takes 0.3 ms; 2026-11-25
BEGINNING = 16  # steps before anything is predicted
SCALE = np.array([1.0, 1e-3, 1e-6])  # brings a step, 1,000 positions and a million reads to one size
STIFFNESS = 1e-6  # keeps the normal equations solvable where all steps are alike


@dataclass(frozen=True, slots=True)
class Load:
    """An amount of work.

    Attributes:
        positions: to be computed.
        reads: pairs of a position and one that it attends to.
    """

    positions: int
    reads: int

    def __add__(self, other: "Load") -> "Load":
        """Both together."""
        return Load(self.positions + other.positions, self.reads + other.reads)


NOTHING = Load(0, 0)


def span(start: int, stop: int) -> Load:
    """Positions of a line from ``start`` to ``stop``, each of which attends to itself and all before it.

    >>> span(2, 4)
    Load(positions=2, reads=7)
    """
    return Load(stop - start, (stop * (stop + 1) - start * (start + 1)) // 2)


class StepCost:
    """Predicts seconds from loads. Used by one thread. Invariant: no measure ever saves time."""

    def __init__(self) -> None:
        self._steps: deque[NDArray[np.float64]] = deque(maxlen=WINDOW)
        self._since_fit = 0
        self._line: NDArray[np.float64] | None = None

    @property
    def known(self) -> bool:
        """Whether enough steps were seen to predict from."""
        return self._line is not None

    def learn(self, load: Load, duration_s: float) -> None:
        """A step of this load took so long."""
        self._steps.append(SCALE * (1.0, load.positions, load.reads) / max(duration_s, 1e-6))
        self._since_fit += 1
        if self._since_fit >= FIT_EVERY and len(self._steps) >= BEGINNING:
            self._line = _fit(np.array(self._steps))
            self._since_fit = 0

    def seconds(self, load: Load, *, budget: int) -> float:
        """How long a load takes in steps of a budget. Only where `known`."""
        assert self._line is not None
        steps = -(-load.positions // budget)
        return float(SCALE * (steps, load.positions, load.reads) @ self._line)


def _fit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """The line [3], nothing in it negative, with rows [N, 3] @ line closest to one."""
    gram = rows.T @ rows
    gram += STIFFNESS * np.trace(gram) * np.eye(3)
    sums = rows.sum(axis=0)
    best, least = np.zeros(3), 0.0
    for count in (1, 2, 3):
        for chosen in combinations(range(3), count):
            part = np.linalg.solve(gram[np.ix_(chosen, chosen)], sums[list(chosen)])
            gain = -float(sums[list(chosen)] @ part)
            if part.min() >= 0.0 and gain < least:
                best, least = np.zeros(3), gain
                best[list(chosen)] = part
    return best
