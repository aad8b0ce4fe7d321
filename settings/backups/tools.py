"""PostgreSQL's own programs for dumping and restoring, fed and read through pipes."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from settings import postgres

CHUNK = 1 << 20


class ToolFailed(Exception):
    """A program of PostgreSQL is missing, too old, or ended with an error; the message holds its last words."""


class Tools:
    """`pg_dump` and `pg_restore` against one database. The password travels in the environment, never as argument."""

    def __init__(self, url: str, *, server_version: int) -> None:
        """Find programs that are not older than the server, numbered as PostgreSQL does: 180004. Raises ToolFailed."""
        told = conninfo_to_dict(url)
        password = told.pop("password", None)
        self._target = make_conninfo("", **told)
        self._environment = {**os.environ, **({"PGPASSWORD": str(password)} if password else {})}
        self._folder = _programs(server_version // 10_000)

    def dump(self, *, snapshot: str) -> Iterator[bytes]:
        """The database as a snapshot shows it, in PostgreSQL's custom format, which is compressed."""
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}"]
        with self._running("pg_dump", *options, f"--dbname={self._target}") as output:
            while chunk := output.read(CHUNK):
                yield chunk

    def contents(self, dump: Iterable[bytes]) -> str:
        """What is in a dump, a line each. Policies name roles of the server it came from, and are left out."""
        with self._running("pg_restore", "--list", feed=dump) as output:
            lines = output.read().decode().splitlines(keepends=True)
        return "".join(line for line in lines if line.startswith(";") or line.split()[3] != "POLICY")

    def restore(self, dump: Iterable[bytes], *, contents: str) -> None:
        """Restore what a list of contents names, all or nothing. Raises ToolFailed."""
        options = ["--exit-on-error", "--single-transaction", "--no-owner", "--no-privileges"]
        with tempfile.NamedTemporaryFile("w", suffix=".list") as wanted:
            wanted.write(contents)
            wanted.flush()
            options += [f"--use-list={wanted.name}", f"--dbname={self._target}"]
            with self._running("pg_restore", *options, feed=dump) as output:
                output.read()

    @contextmanager
    def _running(self, program: str, *options: str, feed: Iterable[bytes] = ()) -> Iterator[IO[bytes]]:
        """A program, fed from a thread. Yields its output; raises ToolFailed unless it ends well."""
        command = [str(self._folder / program), *options]
        pipe = subprocess.PIPE
        with (
            tempfile.TemporaryFile() as errors,
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=errors, env=self._environment) as process,
        ):
            assert process.stdin is not None
            assert process.stdout is not None
            feeder = Thread(target=_feed, args=(process.stdin, feed), daemon=True)
            feeder.start()
            try:
                yield process.stdout
            except BaseException:
                process.kill()
                raise
            feeder.join()
            if process.wait() != 0:
                errors.seek(0)
                words = errors.read().decode(errors="replace").strip().splitlines()
                raise ToolFailed(words[-1] if words else f"{program} ended with {process.returncode}")


def _feed(pipe: IO[bytes], chunks: Iterable[bytes]) -> None:
    """Write all of it, or until the program has seen enough."""
    with suppress(BrokenPipeError), pipe:
        for chunk in chunks:
            pipe.write(chunk)


def _programs(major: int) -> Path:
    """The folder of programs that can read a server of this version: the wheel's, or the PATH's."""
    places = []
    with suppress(postgres.ClusterError):
        places.append(postgres.programs())
    if found := shutil.which("pg_dump"):
        places.append(Path(found).resolve().parent)
    for place in places:
        if _version(place / "pg_dump") >= major and (place / "pg_restore").exists():
            return place
    raise ToolFailed(f"pg_dump and pg_restore of PostgreSQL {major} or later are needed in the PATH")


def _version(program: Path) -> int:
    with suppress(OSError):
        words = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.split()
        return int(words[2].split(".")[0]) if len(words) > 2 else 0
    return 0
