"""Constraints several tables share."""

from collections.abc import Iterable
from enum import StrEnum

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact


def one_of(field: str, values: Iterable[StrEnum], *, name: str) -> models.CheckConstraint:
    """The column holds one of the enumeration's values, or is null where it may be."""
    return models.CheckConstraint(condition=models.Q(**{f"{field}__in": [str(value) for value in values]}), name=name)


def keyed(field: str, *, name: str) -> models.CheckConstraint:
    """The column holds a digest, of 32 bytes: one that was forgotten would be empty."""
    return models.CheckConstraint(condition=Exact(Length(field), 32), name=name)
