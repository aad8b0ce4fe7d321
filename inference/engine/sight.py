"""What a position may attend to beside all before it: a sliding window, a block-sparse pattern, or both."""

from dataclasses import dataclass

from inference.config import DENSE, SparsePattern

TILE = 128  # keys; the unit of summation of both attentions, and of a pattern
UNBOUNDED = 1 << 40  # positions


@dataclass(frozen=True, slots=True)
class Sight:
    """What the rows of one layer see. It depends on absolute positions only, never on the chunk or the batch.

    Attributes:
        window: keys up to the row's own; None for all.
        pattern: which tiles of a record.
    """

    window: int | None = None
    pattern: SparsePattern = DENSE

    @property
    def reach(self) -> int:
        """`window`, with a number for all."""
        return UNBOUNDED if self.window is None else self.window

    @property
    def everything(self) -> bool:
        """Whether a row sees all before it."""
        return self.window is None and not self.pattern.recent

    def tiles_of_row(self, own: int, whole_from: int) -> tuple[int, ...]:
        """Tiles that rows of tile ``own`` see anything of, ascending; from ``whole_from`` on the pattern hides none."""
        return self._tiles(own * TILE, own, whole_from)

    def tiles_of_question(self, position: int, record: int) -> tuple[int, ...]:
        """Tiles of the record that a question's row at a position sees anything of."""
        last = (record - 1) // TILE
        return tuple(tile for tile in self._tiles(position, position // TILE, last) if tile <= last)

    def tiles_of_questions(self, record: int, width: int) -> tuple[int, ...]:
        """Those of every row of questions up to ``width`` positions; the record's last tile is always one."""
        rows = [self.tiles_of_question(record + at, record) for at in range(width)]
        return tuple(sorted({(record - 1) // TILE}.union(*rows)))

    def _tiles(self, position: int, own: int, whole_from: int) -> tuple[int, ...]:
        first = max(0, position - self.reach + 1) // TILE
        return tuple(tile for tile in range(first, own + 1) if tile >= whole_from or self.pattern.shows(tile, own))
