"""A cache in PostgreSQL, for what must not be forgotten while it counts.

Attempts to sign in are limited by what the cache remembers, and a one-time code is refused the second time
because of it. Redis may be emptied at any moment, and then both would begin anew; Django's own database cache
stores pickles, which run code when they are read. This one stores JSON, and adds atomically.
"""

from datetime import UTC, datetime
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection, models
from django.db.models.functions import Now
from psycopg.types.json import Jsonb

from apps.people.models import Remembered

SET = """
INSERT INTO people_remembered AS kept (key, value, expires_at) VALUES (%s, %s, %s)
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at
"""
ADD = f"{SET} WHERE kept.expires_at <= statement_timestamp()"


class PostgresCache(BaseCache):
    """Django's cache interface over one table. Values are what JSON can hold."""

    def __init__(self, _location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Remember a value unless there is one. Of several at once exactly one is told True."""
        return self._write(ADD, key, value, timeout, version)

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        """The value, or the default where there is none any more."""
        made = self.make_and_validate_key(key, version=version)
        found = Remembered.objects.filter(_current(), pk=made).values_list("value", flat=True)
        return next(iter(found), default)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Remember a value, whatever was there."""
        self._write(SET, key, value, timeout, version)

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Keep a value for longer. Returns whether there is one."""
        made = self.make_and_validate_key(key, version=version)
        return bool(Remembered.objects.filter(_current(), pk=made).update(expires_at=self._until(timeout)))

    def delete(self, key: str, version: int | None = None) -> bool:
        """Forget a value. Returns whether there was one."""
        gone, _rows = Remembered.objects.filter(pk=self.make_and_validate_key(key, version=version)).delete()
        return gone > 0

    def clear(self) -> None:
        """Forget everything."""
        Remembered.objects.all().delete()

    def _write(self, statement: str, key: str, value: Any, timeout: Any, version: int | None) -> bool:
        row: list[Any] = [self.make_and_validate_key(key, version=version), Jsonb(value), self._until(timeout)]
        with connection.cursor() as cursor:
            cursor.execute(statement, row)
            return bool(cursor.rowcount == 1)

    def _until(self, timeout: Any) -> datetime | None:
        seconds = self.get_backend_timeout(timeout)
        return None if seconds is None else datetime.fromtimestamp(seconds, tz=UTC)


def forget_expired(_now: datetime) -> None:
    """Delete what nobody may be told any more. A chore."""
    Remembered.objects.filter(expires_at__lte=Now()).delete()


def _current() -> models.Q:
    return models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=Now())
