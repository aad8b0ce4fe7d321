"""Who computes a forward besides this process: nobody, or the followers of `inference.distributed`."""

from typing import TYPE_CHECKING, Protocol

from torch import Tensor

from inference.api import EngineError

if TYPE_CHECKING:  # the engine's own modules know checkpoints, and those know who holds them
    from inference.engine.spans import Places


class TeamLost(EngineError):
    """A process that holds part of the checkpoint is gone: no step can be made any more."""

    code = "team_lost"


class Team(Protocol):
    """What a runner tells the others before and after it does the same itself. Raises TeamLost."""

    def allocate(self, blocks: int) -> None:
        """The pool starts over with that many blocks."""

    def zero(self, blocks: list[int]) -> None:
        """Blocks are overwritten with zeros."""

    def largest(self, size: int) -> int:
        """The largest of what each process says of itself."""

    def begin(self, layout: "Places", position_ids: Tensor, embedded: Tensor) -> None:
        """A forward begins: [T] position ids, [T, hidden] embedded positions."""

    def end(self, hidden: Tensor) -> Tensor:
        """[T, hidden] after this process's layers to [T, hidden] after the last layer."""


class Alone:
    """A process that holds a checkpoint whole."""

    def allocate(self, blocks: int) -> None:
        """Nobody to tell."""

    def zero(self, blocks: list[int]) -> None:
        """Nobody to tell."""

    def largest(self, size: int) -> int:
        """Its own."""
        return size

    def begin(self, layout: "Places", position_ids: Tensor, embedded: Tensor) -> None:
        """Nobody to tell."""

    def end(self, hidden: Tensor) -> Tensor:
        """Every layer was its own."""
        return hidden
