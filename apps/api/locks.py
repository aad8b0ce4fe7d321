"""Locks that die with this process: PostgreSQL advisory locks, all held by one session of its own.

Not by the request's session, which goes back to a pool while the request waits for its answer:
there the lock would be lost to its holder and open to the next borrower.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import connection
from django.utils.translation import gettext as _

from apps.common.errors import Unavailable

# A server that vanished without a word is noticed within about 15 s.
CONNECTION = {"connect_timeout": 5, "keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2}
ADDRESS = frozenset(
    {
        "dbname",
        "user",
        "password",
        "host",
        "port",
        "service",
        "passfile",
        "sslmode",
        "sslrootcert",
        "sslcert",
        "sslkey",
        "options",
    }
)


class Locks:
    """Whom this process keeps out. Safe from any thread.

    Invariant: a number is in ``_held`` exactly while one thread is inside `held` for it. A lost
    session is replaced and takes the same locks again; meanwhile only this process respects them.
    """

    def __init__(self, conninfo: str) -> None:
        """Prepare to lock at ``conninfo``, a libpq connection string."""
        self._conninfo = conninfo
        self._held: set[int] = set()
        self._mutex = threading.Lock()
        self._session: psycopg.Connection[tuple[bool]] | None = None

    @contextmanager
    def held(self, number: int) -> Iterator[bool]:
        """Hold a lock while the block lasts; yields False at once if somebody else holds it.

        Raises:
            Unavailable: PostgreSQL does not answer.
        """
        taken = self._take(number)
        try:
            yield taken
        finally:
            if taken:
                self._give_back(number)

    def close(self) -> None:
        """End the session; it begins anew with the next lock."""
        with self._mutex:
            if self._session is not None:
                self._session.close()
                self._session = None

    def _take(self, number: int) -> bool:
        with self._mutex:
            if number in self._held:  # the session itself would let us in a second time
                return False
            try:
                taken = self._ask("SELECT pg_try_advisory_lock(%s)", number)
            except psycopg.Error as lost:
                raise Unavailable(_("The store does not answer now.")) from lost
            if taken:
                self._held.add(number)
            return taken

    def _give_back(self, number: int) -> None:
        with self._mutex:
            self._held.discard(number)
            if self._session is None or self._session.closed:
                return  # the lock ended with its session
            try:
                self._session.execute("SELECT pg_advisory_unlock(%s)", [number])
            except psycopg.Error:
                self._session.close()

    def _ask(self, query: str, number: int) -> bool:
        try:
            return _answer(self._open(), query, number)
        except psycopg.OperationalError:  # the server may have been restarted since the session began
            if self._session is not None:
                self._session.close()
            return _answer(self._open(), query, number)

    def _open(self) -> "psycopg.Connection[tuple[bool]]":
        if self._session is None or self._session.closed:
            self._session = psycopg.connect(self._conninfo, autocommit=True)
            for number in self._held:
                self._session.execute("SELECT pg_try_advisory_lock(%s)", [number])
        return self._session


def locks() -> Locks:
    """The locks of this process in the database in use."""
    conninfo = _conninfo()
    with _guard:
        if conninfo not in _locks:
            _locks[conninfo] = Locks(conninfo)
        return _locks[conninfo]


def close() -> None:
    """End all sessions, so that a database can be dropped."""
    with _guard:
        for each in _locks.values():
            each.close()


def _answer(session: "psycopg.Connection[tuple[bool]]", query: str, number: int) -> bool:
    row = session.execute(query.encode(), [number]).fetchone()
    return row is not None and row[0]


def _conninfo() -> str:
    address = {name: value for name, value in connection.get_connection_params().items() if name in ADDRESS}
    return psycopg.conninfo.make_conninfo("", **CONNECTION, application_name="assay-locks", **address)


_locks: dict[str, Locks] = {}
_guard = threading.Lock()


def _forget_after_fork() -> None:
    """A child must not touch its parent's session."""
    global _guard
    _locks.clear()
    _guard = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
