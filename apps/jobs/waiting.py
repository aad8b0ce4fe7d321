"""Waiting for a job to end without asking the database again and again.

One connection and one thread per process LISTEN; whoever waits registers first and looks at the row
once after that. A lost connection is replaced, and the rows of all who wait are looked at once, so
that an end which happened in between is not missed.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol
from uuid import UUID

import psycopg
import structlog
from django.db import connection
from psycopg import sql

from apps.api.limits.turns import resting
from apps.jobs.models import Job
from apps.jobs.services import CHANNEL

logger = structlog.get_logger(__name__)

RECONNECT_S = 0.05  # doubles up to the longest
RECONNECT_LONGEST_S = 2.0
STOP_CHECK_S = 0.5  # how often the thread looks whether it is to end; asks the database nothing
# A server that vanished without a word is noticed within about 15 s.
KEEPALIVE = {"keepalives_idle": 5, "keepalives_interval": 5, "keepalives_count": 2, "connect_timeout": 5}


class Caller:
    """Somebody who waits for a job, and may hang up before it ends. Safe from any thread."""

    def __init__(self) -> None:
        self.bell = threading.Event()
        self._has_gone = False

    @property
    def has_gone(self) -> bool:
        """Whether they hung up."""
        return self._has_gone

    def hang_up(self) -> None:
        """Say that nobody waits any more, and wake who waits on their behalf."""
        self._has_gone = True
        self.bell.set()


class Bell(Protocol):
    """What is rung when a job ends."""

    def set(self) -> None:
        """Ring."""


def wait_until_done(job_id: UUID, *, timeout_s: float, caller: Caller | None = None) -> bool:
    """Wait until a job has ended, at most ``timeout_s``. Call it outside any transaction.

    Args:
        caller: on whose behalf; the wait is over once they hang up.

    Returns:
        Whether it has ended. A job that does not exist never ends.
    """
    caller = caller or Caller()
    with ringing(job_id, caller.bell):
        return wait_for_bell(caller, timeout_s=timeout_s)


def wait_for_bell(caller: Caller, *, timeout_s: float) -> bool:
    """Wait until the bell that rings for the caller's job does. Returns whether it was for the job's end."""
    _lend_connection()
    with resting():
        return caller.bell.wait(timeout_s) and not caller.has_gone


@contextmanager
def expecting(job_id: UUID, bell: Bell) -> Iterator[None]:
    """Let a bell be rung when a job ends that is yet to be made in the block: nobody has to look whether it has."""
    with _listener().registered(job_id, bell):
        yield


@contextmanager
def ringing(job_id: UUID, bell: Bell) -> Iterator[None]:
    """Let a bell be rung when a job ends, or at once if it has; call it outside any transaction."""
    with _listener().registered(job_id, bell):
        if Job.objects.filter(pk=job_id, status__in=Job.TERMINAL).exists():
            bell.set()
        _lend_connection()
        yield


def _lend_connection() -> None:
    """Let somebody else use this thread's connection meanwhile."""
    if not connection.in_atomic_block:
        connection.close()


def listening(*, timeout_s: float = 5.0) -> bool:
    """Start listening before the first request needs it. Returns whether the connection stands."""
    return _listener().listening.wait(timeout_s)


def stop() -> None:
    """End this process's listening; the next wait begins anew."""
    with _starting:
        listeners = list(_listeners.values())
        _listeners.clear()
    for listener in listeners:
        listener.stop()


class Listener:
    """Hears of jobs that end and wakes those who wait for them. Safe from any thread."""

    def __init__(self, dsn: str) -> None:
        """Prepare to listen at ``dsn``, a libpq connection string."""
        self.listening = threading.Event()
        self._dsn = dsn
        self._waiting: dict[UUID, set[Bell]] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs-listener", daemon=True)

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread; those who still wait run into their timeouts."""
        self._stopping.set()
        self._thread.join(timeout=5.0)

    @contextmanager
    def registered(self, job_id: UUID, bell: Bell) -> Iterator[None]:
        """Ring a bell when the job ends, from now until the block is left."""
        with self._lock:
            self._waiting.setdefault(job_id, set()).add(bell)
        try:
            yield
        finally:
            with self._lock:
                self._waiting[job_id].discard(bell)
                if not self._waiting[job_id]:
                    del self._waiting[job_id]

    def _run(self) -> None:
        pause_s = RECONNECT_S
        while not self._stopping.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                logger.warning("listener_lost_its_connection", error=type(error).__name__)
            pause_s = RECONNECT_S if self.listening.is_set() else min(2 * pause_s, RECONNECT_LONGEST_S)
            self.listening.clear()
            self._stopping.wait(pause_s)

    def _listen(self) -> None:
        with psycopg.connect(self._dsn, autocommit=True) as listening:
            listening.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))
            self._catch_up(listening)
            self.listening.set()
            while not self._stopping.is_set():
                for notify in listening.notifies(timeout=STOP_CHECK_S):
                    self._wake(UUID(notify.payload))

    def _catch_up(self, listening: "psycopg.Connection[tuple[object, ...]]") -> None:
        """Look once at every job somebody waits for: it may have ended while nobody listened."""
        with self._lock:
            ids = list(self._waiting)
        ended = listening.execute("SELECT assay_jobs_ended(%s)", [ids]).fetchall()  # whoever's they are
        for (job_id,) in ended:
            self._wake(UUID(str(job_id)))

    def _wake(self, job_id: UUID) -> None:
        with self._lock:
            for bell in self._waiting.get(job_id, ()):
                bell.set()


_listeners: dict[str, Listener] = {}
_starting = threading.Lock()


def _listener() -> Listener:
    """The process's listener for the database in use, started by the first who asks."""
    dsn = _dsn()
    with _starting:
        if dsn not in _listeners:
            _listeners[dsn] = Listener(dsn)
            _listeners[dsn].start()
        return _listeners[dsn]


def _dsn() -> str:
    """Where Django's default connection goes, as a libpq connection string."""
    given = connection.get_connection_params()
    names = {"dbname", "user", "password", "host", "port", "service", "passfile", "sslmode", "sslrootcert"}
    names |= {"sslcert", "sslkey", "options"}
    kept = {name: value for name, value in given.items() if name in names}
    return psycopg.conninfo.make_conninfo("", **KEEPALIVE, application_name="assay-listener", **kept)


def _forget_after_fork() -> None:
    """A child inherits no threads, and must not touch its parent's connection."""
    global _starting
    _listeners.clear()
    _starting = threading.Lock()


os.register_at_fork(after_in_child=_forget_after_fork)
