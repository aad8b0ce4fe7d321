"""A kind of rows that counts what is done with it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from apps.batches.kinds import Begun, Reading, RowError, RowKind
from apps.tenants.models import ApiClient

SPACE = UUID(int=7)
begun: Counter[str] = Counter()  # how often the work of each id began
answers: dict[UUID, Any] = {}  # what is there to be collected
told: set[str] = set()  # ids of the past
refusals: list[Exception] = []  # what `begin` raises, once each


def read(document: Any, _now: datetime) -> Reading:
    """A document with an id and an optional amount."""
    if not isinstance(document, dict) or "id" not in document:
        return Reading(errors=(RowError(pointer="/id", code="required", detail="This field is required."),))
    return Reading(value=document, key=str(document["id"]))


def begin(_client: ApiClient, values: Mapping[int, Any], _now: datetime) -> Mapping[int, Begun]:
    """Count every id; ids that start with ``now`` need not wait for an answer."""
    if refusals:
        raise refusals.pop()
    begun.update(value["id"] for value in values.values())
    return {number: _begun(str(value["id"])) for number, value in values.items()}


def known(_institution_id: UUID, keys: Sequence[str]) -> set[str]:
    """Ids of the past."""
    return told & set(keys)


def collect(_institution_id: UUID, subject_ids: Sequence[UUID]) -> Mapping[UUID, Any]:
    """What is there."""
    return {subject_id: answers[subject_id] for subject_id in subject_ids if subject_id in answers}


def subject_of(row_id: str) -> UUID:
    """The record that a row's work is about."""
    return uuid5(SPACE, row_id)


def forget() -> None:
    """Start anew."""
    begun.clear()
    answers.clear()
    told.clear()
    refusals.clear()


def _begun(row_id: str) -> Begun:
    if row_id.startswith("bad"):
        return Begun(error=RowError(pointer="/id", code="refused", detail="No."))
    return Begun() if row_id.startswith("now") else Begun(subject_id=subject_of(row_id))


KIND = RowKind(
    name="test.rows",
    scopes=(),
    fields=frozenset({"id", "amount", "device.id"}),
    cell=lambda _name, text: text,
    read=read,
    known=known,
    begin=begin,
    collect=collect,
    columns=("score", "note"),
    rows_at_once=10,
)
