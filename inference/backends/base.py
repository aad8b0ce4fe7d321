"""What a backend can do, said before it is asked; free of torch."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from inference.api import Engine, ModelRef


class Ability(StrEnum):
    """One thing that a backend can do and another may not.

    An ability is declared only if `tests/inference/backends` holds it.
    """

    SCORE = "score"  # questions with closed answers, with label mass over the whole vocabulary
    GENERATE = "generate"
    STREAM = "stream"  # pieces of a generation while it goes on
    EVENTS = "events"  # positions that are events, not only tokens
    SALT = "salt"  # what was read for one namespace never speeds up another
    PURGE = "purge"  # what is cached of a namespace can be zeroed
    PRIORITY = "priority"  # an urgent request overtakes
    REPRODUCIBLE = "reproducible"  # the same bits whatever else is computed


class BackendRefused(Exception):
    """A backend cannot do what it is wanted for, or is not what it was said to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A model as a backend serves it.

    Attributes:
        window: the most positions that a record and one question may have together.
    """

    ref: ModelRef
    window: int


class Backend(Engine, Protocol):
    """An engine that says what it can do."""

    @property
    def name(self) -> str:
        """What the setting calls it."""

    def start(self) -> None:
        """Begin to serve. Raises BackendRefused."""

    def stop(self) -> None:
        """End; requests in flight raise EngineStopped."""

    def served(self, model: str) -> Served:
        """What is served under a name, once it has started. Raises KeyError."""

    def abilities(self, model: str) -> frozenset[Ability]:
        """What it can do with a model, once it has started. Raises KeyError."""


def require(backend: Backend, model: str, needed: frozenset[Ability]) -> None:
    """Raise BackendRefused if a backend cannot do all that a model is needed for."""
    missing = sorted(needed - backend.abilities(model))
    if missing:
        raise BackendRefused(
            f"the backend {backend.name} cannot serve {model}: it lacks {', '.join(missing)}; "
            "set ASSAY_ENGINE_BACKEND to one that does, or leave it at native"
        )
