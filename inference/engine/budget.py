"""How many positions the next step may compute, so that nobody's deadline passes inside a step.

Additive increase, multiplicative decrease, as in TCP's congestion control: a step that comes near the tightest
deadline in flight says that steps are too long, and nothing else says that they could be longer but trying.
"""

import math

RISE = 64  # positions a step: from the floor to 2,048 in 28 full steps, which take 1.6 s
FALL = 0.7
FLOOR = 256  # positions: 12 ms beside 9 ms that any step takes, for 5 M parameters on 2 cores; 2026-11-25
COMFORT = 0.5  # of the slack: who arrives while a step runs waits for it, and then for its own
RELAX = 1.1  # a tight deadline is remembered for some 24 steps until it counts ten times as much slack


class TokenBudget:
    """A step's budget in positions, steered by how long steps took.

    Invariant: ``floor <= positions <= ceiling``.
    """

    def __init__(self, *, ceiling: int, floor: int = FLOOR) -> None:
        if ceiling <= 0:
            raise ValueError("a step computes one position at least")
        self.ceiling = ceiling
        self.floor = min(floor, ceiling)
        self.positions = ceiling
        self._slack_s = math.inf

    def observe(self, *, computed: int, duration_s: float, slack_s: float) -> None:
        """Learn from a step.

        Args:
            computed: positions of the step.
            slack_s: from its beginning to the earliest deadline in flight; infinite if nobody has one.
        """
        self._slack_s = min(slack_s, self._slack_s * RELAX)
        if duration_s > slack_s:
            self.positions = max(self.floor, int(FALL * min(computed, self.positions)))
        elif computed + RISE > self.positions and duration_s < COMFORT * self._slack_s:
            self.positions = min(self.ceiling, self.positions + RISE)
