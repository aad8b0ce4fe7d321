"""The kinds of rows there are. A domain registers its own when Django starts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apps.tenants.models import ApiClient


@dataclass(frozen=True, slots=True, kw_only=True)
class RowError:
    """What is wrong with a row, by JSON pointer."""

    pointer: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A row as its domain sees it.

    Attributes:
        value: what will be worked on; None if the row cannot be.
        key: the caller's own identifier, by which rows are the same.
        errors: why there is no value.
    """

    value: Any = None
    key: str = ""
    errors: tuple[RowError, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What became of a row when its work began.

    Attributes:
        subject_id: the record whose answer is to be collected; None if there is nothing to wait for.
        known: the caller told of it before.
        error: why it cannot be done.
    """

    subject_id: UUID | None = None
    known: bool = False
    error: RowError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RowKind:
    """How one kind of rows is read, worked on and answered.

    Attributes:
        name: as callers ask for it, e.g. ``risk.assessments``.
        scopes: what a caller must have been granted to do the same one by one.
        fields: the dotted names that the header of a CSV file may have.
        cell: a cell's text as the JSON value that its field takes.
        read: a document as a value, or why it is none. Never raises for what a caller may send.
        known: which of the callers' identifiers the institution told before.
        begin: starts the work of rows, by number, inside the transaction that notes it. May raise
            `Overloaded` or `Unavailable`: the rows are then tried again later.
        collect: the answers of those records that have one.
        columns: dotted names of the answer's members that a CSV file of results shows.
        rows_at_once: how many rows one transaction begins.
    """

    name: str
    scopes: tuple[str, ...]
    fields: frozenset[str]
    cell: Callable[[str, str], Any]
    read: Callable[[Any, datetime], Reading]
    known: Callable[[UUID, Sequence[str]], set[str]]
    begin: Callable[[ApiClient, Mapping[int, Any], datetime], Mapping[int, Begun]]
    collect: Callable[[UUID, Sequence[UUID]], Mapping[UUID, Any]]
    columns: tuple[str, ...]
    rows_at_once: int


_KINDS: dict[str, RowKind] = {}


def register(kind: RowKind) -> None:
    """Make a kind known to this process. Raises ValueError if its name already means something else."""
    if _KINDS.setdefault(kind.name, kind) != kind:
        raise ValueError(f"row kind {kind.name!r} is registered twice, differently")


def registered() -> tuple[str, ...]:
    """Names of all kinds, sorted."""
    return tuple(sorted(_KINDS))


def get(name: str) -> RowKind:
    """The kind of that name. Raises LookupError."""
    return _KINDS[name]
