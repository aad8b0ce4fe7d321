"""Sealing again, under the current key, what an older key sealed.

Rows that somebody else holds are left for the next pass, so that this never waits while it holds rows itself;
who writes them seals with the current key. Safe to break off and to repeat. Once nothing is left, the older
keys may be removed.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction

from apps.common.encryption.fields import INSTITUTION, SealedField, place_in
from apps.common.encryption.keys import keyring
from apps.common.encryption.sealing import header_of, seal, unseal

BATCH = 500  # rows of one transaction, some 50 ms

COUNT = "SELECT count(*) FROM {table} WHERE {older}"
FIND = """
SELECT {pk}, {column}, {place} FROM {table} WHERE {onward} {older}
ORDER BY {pk} LIMIT %s FOR NO KEY UPDATE SKIP LOCKED
"""
WRITE = "UPDATE {table} SET {column} = %s WHERE {pk} = %s AND {column} = %s"


@dataclass(frozen=True)
class Column:
    """One sealed column of one table."""

    model: type[models.Model]
    field: SealedField

    @property
    def name(self) -> str:
        """As people are told of it: ``riskscore.event.content``."""
        return f"{self.model._meta.label_lower}.{self.field.name}"  # noqa: SLF001 - public but for its name

    def remaining(self) -> int:
        """Values under another key than the current."""
        with connection.cursor() as cursor:
            cursor.execute(COUNT.format(**self._names), _current())
            return int(cursor.fetchone()[0])

    @transaction.atomic
    def seal_batch(self, *, after: Any) -> tuple[Any, int]:
        """Seal the next rows again, in the order of their primary keys.

        Args:
            after: the primary key to go on behind; None to begin.

        Returns:
            The last primary key looked at, None at the end; and how many values were written.

        Raises:
            SealBroken: a value does not open; nothing of this batch is written.
        """
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL assay.resealing = 'on'")  # which lets the append-only trigger of events agree
            found = self._found(cursor, after)
            changes = [(self._again(bytes(old), owner, tuple(row)), pk, old) for pk, old, owner, *row in found]
            cursor.executemany(WRITE.format(**self._names), changes)
        return (found[-1][0] if found else None), len(changes)

    def _found(self, cursor: Any, after: Any) -> list[tuple[Any, ...]]:
        onward, behind = ("", []) if after is None else ("{pk} > %s AND".format(**self._names), [after])
        cursor.execute(FIND.format(onward=onward, **self._names), [*behind, *_current(), BATCH])
        return list(cursor.fetchall())

    def _again(self, token: bytes, institution_id: Any, row: tuple[Any, ...]) -> bytes:
        place = place_in(self.field, institution_id, row)
        return seal(unseal(token, place), place)

    @cached_property
    def _names(self) -> dict[str, str]:
        meta = self.model._meta  # noqa: SLF001
        column = _quoted(self.field.column)
        row = [str(meta.get_field(name).column) for name in self.field.row]  # type: ignore[union-attr]
        return {
            "table": _quoted(meta.db_table),
            "pk": _quoted(meta.pk.column),
            "column": column,
            "place": ", ".join(_quoted(name) for name in (INSTITUTION, *row)),
            "older": f"{column} IS NOT NULL AND substring({column} FROM 1 FOR %s) <> %s",
        }


def sealed_columns() -> tuple[Column, ...]:
    """Every sealed column of the installation, by name."""
    found = [
        Column(model, field)
        for model in apps.get_models()
        for field in model._meta.concrete_fields  # noqa: SLF001
        if isinstance(field, SealedField) and not model._meta.proxy  # noqa: SLF001
    ]
    return tuple(sorted(found, key=lambda column: column.name))


def seal_again(column: Column) -> int:
    """Seal all of a column again but what others hold just now; returns how many. Raises SealBroken."""
    after, total = None, 0
    while True:
        after, written = column.seal_batch(after=after)
        total += written
        if after is None:
            return total


def _current() -> list[Any]:
    header = header_of(keyring().current)
    return [len(header), header]


def _quoted(name: str | None) -> str:
    return connection.ops.quote_name(str(name))
