"""The pool's blocks: which are free, how often each is held, and whose content is in it.

The tensors live elsewhere (`inference.engine.kv`); here a block is a number.
"""

from collections import Counter

BLOCK = 16  # positions


class BlockPool:
    """Free list and reference counts of blocks 1 to ``total``; block 0 is not for giving.

    A block shared by a common prefix has one reference per sequence using it, and one more while the
    prefix cache keeps it. Invariant: a block is free exactly when its count is zero; a block that is
    held has an owner, and a free one remembers its last owner until it is scrubbed or taken again.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self._free = list(range(total, 0, -1))
        self._counts = [0] * (total + 1)
        self._owners: list[bytes | None] = [None] * (total + 1)
        self._tally: Counter[bytes] = Counter()

    @property
    def free(self) -> int:
        """How many blocks nobody holds."""
        return len(self._free)

    def held_by(self, owner: bytes) -> int:
        """How many blocks hold an owner's content and are not free."""
        return self._tally[owner]

    def owner_of(self, block: int) -> bytes | None:
        """Whose content is, or was last, in the block."""
        return self._owners[block]

    def count_of(self, block: int) -> int:
        """How often a block is held."""
        return self._counts[block]

    def take(self, count: int, owner: bytes) -> list[int]:
        """Hold ``count`` free blocks once each. Raises ValueError if fewer are free, taking nothing."""
        if count > len(self._free):
            raise ValueError(f"{count} blocks asked, {len(self._free)} free")
        taken = [self._free.pop() for _ in range(count)]
        for block in taken:
            self._counts[block] = 1
            self._owners[block] = owner
        self._tally[owner] += count
        return taken

    def hold(self, block: int) -> None:
        """Hold a block that somebody holds already, once more."""
        assert self._counts[block] > 0, "a free block is taken, not held"
        self._counts[block] += 1

    def drop(self, block: int) -> int:
        """Let go of a block once; returns how many still hold it. At zero it is free."""
        assert self._counts[block] > 0, "a free block cannot be dropped"
        self._counts[block] -= 1
        if self._counts[block] == 0:
            self._free.append(block)
            owner = self._owners[block]
            assert owner is not None
            self._tally[owner] -= 1
            if not self._tally[owner]:
                del self._tally[owner]
        return self._counts[block]

    def scrub(self, owner: bytes) -> list[int]:
        """Free blocks that still carry an owner's content; from now on they count as clean."""
        soiled = [block for block in self._free if self._owners[block] == owner]
        for block in soiled:
            self._owners[block] = None
        return soiled

    def check(self) -> None:
        """Raise AssertionError if the invariant is broken. Cheap enough for every test."""
        assert len(self._free) == len(set(self._free)), "a block is free twice"
        idle = {block for block in range(1, self.total + 1) if self._counts[block] == 0}
        assert set(self._free) == idle, "free blocks are not the unheld ones"
        held = Counter(self._owners[block] for block in range(1, self.total + 1) if self._counts[block])
        assert held == self._tally, "owners' tallies are wrong"
        assert self._counts[0] == 0, "block 0 was given away"
