"""Classes of record, as the rooms that store them register them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """What a room is asked to delete, in the institution's scope and inside a transaction.

    Attributes:
        before: records that came before this moment are due.
        held: keyed digests of subjects whose records stay, such as accounts under a legal hold.
        limit: how many records to delete at most, so that no transaction takes long.
    """

    institution_id: UUID
    before: datetime
    held: frozenset[bytes]
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """Whose records a room is asked to delete, in the institution's scope and inside a transaction.

    Attributes:
        kind: of the subject, such as ``account``; it is also the purpose of its keyed digest.
        digest: the keyed digest of its reference.
    """

    institution_id: UUID
    kind: str
    reference: str
    digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordClass:
    """A class of record with one rule for how long it is kept.

    Attributes:
        name: as people set rules for it, such as ``risk.records``.
        default_days: where an institution set no rule.
        least_days: no rule may be shorter.
        purge: deletes what is due, up to the limit, and says how many records went; called until none do.
        erase: deletes what is about a subject, and says how many records of what went; None where the
            class holds nothing about one subject.
    """

    name: str
    default_days: int
    purge: Callable[[Purge], int]
    least_days: int = 1
    erase: Callable[[Erasure], Mapping[str, int]] | None = None


_CLASSES: dict[str, RecordClass] = {}


def register(record_class: RecordClass) -> None:
    """Make a class known to this process. Raises ValueError if its name already means something else."""
    if _CLASSES.setdefault(record_class.name, record_class) != record_class:
        raise ValueError(f"record class {record_class.name!r} is registered twice, differently")


def registered() -> Mapping[str, RecordClass]:
    """All classes, by name, in the order of names."""
    return {name: _CLASSES[name] for name in sorted(_CLASSES)}
