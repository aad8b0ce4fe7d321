"""Processes that use the embedded servers, as separate from the tests as real ones are."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg

from settings.env import ROOT

USER = """
import sys
from pathlib import Path
from settings import embedded
state = Path(sys.argv[1])
if sys.argv[2] == "redis":
    embedded.start_redis(state)
    print(embedded.redis_url(state), flush=True)
else:
    print(embedded.database_url(state), flush=True)
sys.stdin.read()
"""


MEMORY, ENOUGH_BYTES = Path("/dev/shm"), 2 * 1024**3


@contextmanager
def state_folder() -> Iterator[Path]:
    """A state folder that every account may enter; empty of processes at its end, then removed.

    In memory where there is room: a dozen clusters that sync a busy disk took ten minutes (2026-11-23),
    and what these tests kill is processes, not the machine.
    """
    has_room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_BYTES
    folder = Path(tempfile.mkdtemp(prefix="assay-test-", dir=MEMORY if has_room else None))
    folder.chmod(0o755)
    try:
        yield folder
        assert within(30, lambda: not all_servers(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class User:
    """A process that holds an embedded server, and the address it was given."""

    process: "subprocess.Popen[str]"
    url: str


@contextmanager
def using(state: Path, server: str = "postgres", *, prefix: Sequence[str] = ()) -> Iterator[User]:
    """A process that asks for a server and holds it until the block ends."""
    users = launch(state, server, prefix=prefix)
    assert users.stdout is not None
    try:
        yield User(users, users.stdout.readline().strip())
    finally:
        users.kill()
        users.wait()


def launch(state: Path, server: str = "postgres", *, prefix: Sequence[str] = ()) -> "subprocess.Popen[str]":
    """Start such a process without waiting for its answer; ``prefix`` is a command that runs commands."""
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", USER, str(state), server],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
    )


def server_of(state: Path, name: str = "postgres") -> psutil.Process:
    """The server process that works in the state folder."""
    return next(process for process in all_servers(state) if process.name() == name)


def all_servers(state: Path) -> list[psutil.Process]:
    """Keepers and servers of the state folder that are alive now."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        is_ours = any(word == str(state) or f"{state}/" in word for word in words)
        if is_ours and process.info["status"] != psutil.STATUS_ZOMBIE and USER not in words:
            found.append(process)
    return found


def within(seconds: float, condition: Callable[[], bool]) -> bool:
    """Whether the condition comes true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def execute(url: str, sql: str) -> list[tuple[object, ...]]:
    """Run one statement in a connection of its own and return its rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(sql.encode())
        return cursor.fetchall() if cursor.description else []


def answers(url: str) -> bool:
    """Whether a statement gets through."""
    try:
        return execute(url, "select 1") == [(1,)]
    except psycopg.OperationalError:
        return False
