"""Sessions that are told the scope before they are asked anything.

PostgreSQL's policies of row-level security read two settings of the session, ``assay.who`` and
``assay.institution``. Before every statement `scope.current()` is compared with what the session was told
last and, where they differ, told. Connections pass from thread to thread through a pool, so the memory of it
lives with the physical connection, and is dropped whenever a rollback may have undone the telling.

Holds for what goes through Django's cursors. A ``ROLLBACK`` written out as SQL would go unnoticed, and so
would a proxy that hands sessions from client to client between transactions: neither is used here.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.db.backends.postgresql import base
from django.db.backends.postgresql.psycopg_any import register_tzloader
from django.db.backends.utils import CursorWrapper
from psycopg.pq import TransactionStatus

from apps.common import scope
from apps.common.scope import Scope

if TYPE_CHECKING:  # what the type stubs leave out
    ServerSideCursor: Any = object
    Wrapper: Any = object
else:
    ServerSideCursor = base.ServerSideCursor
    Wrapper = base.DatabaseWrapper


def in_force() -> Scope:
    """What the next statement is to be asked under."""
    return scope.current()


def telling(wanted: Scope) -> str:
    """The statement that tells a session a scope: plain SETs, which take no snapshot."""
    institution = "" if wanted.institution_id is None else str(wanted.institution_id)
    return f"SET assay.who = '{wanted.who.value}'; SET assay.institution = '{institution}'"


def tell(session: Any, wanted: Scope) -> None:
    """Make a physical connection's settings equal to a scope: a round trip only where they differ."""
    if getattr(session, "assay_told", None) == wanted:
        return
    if session.pgconn.transaction_status == TransactionStatus.INERROR:
        return  # it refuses everything until it is rolled back, and hears anew after that
    forget(session)
    with session.cursor() as cursor:
        cursor.execute(telling(wanted))
    session.assay_told = wanted


def forget(session: Any) -> None:
    """Tell it again before it is next asked anything."""
    session.assay_told = None


class ToldCursor(CursorWrapper):
    """A cursor before whose statements the session hears of the scope in force."""

    def _tell(self) -> None:
        with self.db.wrap_database_errors:
            tell(self.db.connection, in_force())

    def _execute(self, *arguments: Any) -> Any:
        self._tell()
        return super()._execute(*arguments)  # type: ignore[misc]

    def _executemany(self, *arguments: Any) -> Any:
        self._tell()
        return super()._executemany(*arguments)  # type: ignore[misc]

    def callproc(self, *arguments: Any) -> Any:
        """Call a function within the scope."""
        self._tell()
        return super().callproc(*arguments)

    def copy(self, *arguments: Any) -> Any:
        """Copy rows out within the scope; into a table with policies PostgreSQL lets nobody copy."""
        self._tell()
        return self.cursor.copy(*arguments)

    def stream(self, *arguments: Any, **options: Any) -> Any:
        """Rows one by one within the scope; nothing else can be asked meanwhile."""
        self._tell()
        return self.cursor.stream(*arguments, **options)


class LoggedCursor(ToldCursor, base.CursorDebugWrapper):
    """The same where queries are logged or counted; what the telling costs is not among them."""


class DeclaredCursor(ServerSideCursor):  # type: ignore[misc]
    """A cursor that lives in the server. Its rows are those of the scope it was made in, whoever fetches them."""

    made_in: Scope

    def fetchone(self) -> Any:
        """One row, or None."""
        tell(self.connection, self.made_in)
        return super().fetchone()

    def fetchmany(self, size: int = 0) -> list[Any]:
        """The next rows."""
        tell(self.connection, self.made_in)
        rows: list[Any] = super().fetchmany(size)
        return rows

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        tell(self.connection, self.made_in)
        rows: list[Any] = super().fetchall()
        return rows

    def __iter__(self) -> Iterator[Any]:
        while rows := self.fetchmany(self.itersize):
            yield from rows


class DatabaseWrapper(Wrapper):  # type: ignore[misc]
    """Django's connection, over sessions that obey the scope."""

    def create_cursor(self, name: str | None = None) -> Any:
        """A raw cursor; one with a name lives in the server."""
        if name is None:
            return super().create_cursor()
        cursor = DeclaredCursor(self.connection, name=name, scrollable=False, withhold=self.connection.autocommit)
        cursor.made_in = in_force()
        register_tzloader(self.timezone, cursor)
        return cursor

    def make_cursor(self, cursor: Any) -> CursorWrapper:
        """A cursor that tells first."""
        return ToldCursor(cursor, self)

    def make_debug_cursor(self, cursor: Any) -> CursorWrapper:
        """One that tells first and logs."""
        return LoggedCursor(cursor, self)

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)
        forget(self.connection)

    def _rollback(self) -> None:
        if self.connection is not None:
            forget(self.connection)
        super()._rollback()

    def _commit(self) -> None:
        session = self.connection
        is_broken = session is not None and session.pgconn.transaction_status == TransactionStatus.INERROR
        try:
            super()._commit()
        except BaseException:
            is_broken = True
            raise
        finally:
            if is_broken:  # then it was a rollback
                forget(session)

    def _close(self) -> None:
        session = self.connection
        if session is not None and session.pgconn.transaction_status != TransactionStatus.IDLE:
            forget(session)  # the pool rolls it back before somebody else borrows it
        super()._close()
