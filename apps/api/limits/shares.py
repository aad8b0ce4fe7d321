"""Dividing a bound among those who want it now, without knowing who they are.

The rule of dynamic thresholds (Choudhury and Hahne, 1998), which switches use for shared buffers: each may
hold so many times what is still free. One who is alone gets three quarters; k who want all they can get hold
3/(3k + 1) each; and something is always free for one who comes later.
"""

GREED = 3.0  # one alone may hold 3/4 of the bound, two 3/7 each, three 3/10 each


def has_room(*, mine: int, total: int, bound: int, greed: float = GREED) -> bool:
    """Whether one who holds ``mine`` of the ``total`` in use may take one more.

    >>> has_room(mine=0, total=24, bound=32), has_room(mine=24, total=24, bound=32)
    (True, False)
    """
    return total < bound and mine < greed * (bound - total)
