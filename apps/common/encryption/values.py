"""Sealed values outside of an instance: for ``update``, and from ``values_list`` or SQL."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist
from django.db import models

from apps.common.encryption.fields import SealedField, label_of, place_in, row_text
from apps.common.encryption.sealing import Sealed, unseal_rows

Rows = Iterable[tuple[tuple[object, ...], bytes]]


def sealed_value(
    model: type[models.Model], field: str, *, institution_id: UUID | None, row: object, value: Any
) -> Sealed | None:
    """A value for ``.update(field=...)`` of the one row it is sealed for.

    Args:
        row: what the field's ``row`` names; a tuple where that is several attributes.
    """
    found = _sealed_field(model, field)
    return found.sealed(value, place_in(found, institution_id, row))


def opened_value(
    model: type[models.Model], field: str, *, institution_id: UUID | None, row: object, value: Sealed | None
) -> Any:
    """What ``.values_list(field)`` gave for a row, opened.

    Raises:
        SealBroken: it was not sealed for this row, was changed since, or its key is not given.
    """
    found = _sealed_field(model, field)
    return None if value is None else found.opened(value, place_in(found, institution_id, row))


def opened_values(
    model: type[models.Model],
    field: str,
    *,
    institution_id: UUID | None,
    rows: Iterable[tuple[tuple[object, ...], bytes]],
) -> list[Any]:
    """What SQL gave of one column for many rows, opened: 3 µs each where `opened_value` takes 10 (2026-11-24).

    Args:
        rows: what the field's ``row`` names, always as a tuple and of the columns' own types; the token.

    Raises:
        SealBroken: one of them does not open; nothing is given.
    """
    found = _sealed_field(model, field)
    told = ((row_text(row), token) for row, token in rows)
    return found.decoded_many(unseal_rows(told, model=label_of(found), field=found.name, institution_id=institution_id))


def _sealed_field(model: type[models.Model], name: str) -> SealedField:
    field = model._meta.get_field(name)  # noqa: SLF001
    if not isinstance(field, SealedField):
        raise FieldDoesNotExist(f"{model.__name__}.{name} is not sealed")
    return field
