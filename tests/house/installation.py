"""Another installation beside the suite's: a database of its own, and processes that know no other."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg
from django.conf import settings
from psycopg import sql

from settings import roles
from settings.env import ROOT
from tests.house.processes import within


@dataclass(frozen=True, kw_only=True)
class Call:
    """A request over REST; ``body`` is sent as JSON."""

    key: str
    path: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What came back; ``text`` is the body."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def document(self) -> Any:
        """The body, read as JSON."""
        return json.loads(self.text)


@contextmanager
def database(name: str) -> Iterator[str]:
    """An empty database on the suite's server, gone at the end of the block. Yields its URL."""
    server = settings.DATABASE_URL
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        yield urlsplit(server)._replace(path=f"/{name}").geturl()
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def environment(url: str, **changes: str) -> dict[str, str]:
    """What a process of the installation finds around it."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "REDIS_URL") if name in os.environ}
    told = {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "settings.test", "ASSAY_STATE_DIR": str(settings.STATE_DIR)}
    return kept | told | changes


def manage(url: str, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    """A `manage.py` command of the installation, to its end."""
    command = [sys.executable, "manage.py", *arguments]
    around = environment(url, **changes)
    return subprocess.run(command, cwd=ROOT, env=around, capture_output=True, text=True, check=False)


def ask(url: str, calls: Sequence[Call], **changes: str) -> list[Reply]:
    """Answers of the installation's web process, which PostgreSQL's policies bind, one after the other."""
    asked = json.dumps([asdict(call) for call in calls])
    command = [sys.executable, "-m", "tests.house.asking"]
    around = environment(roles.becoming(url, roles.APP), **changes)
    done = subprocess.run(command, cwd=ROOT, env=around, input=asked, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [Reply(**reply) for reply in json.loads(done.stdout.splitlines()[-1])]


def rows(url: str, query: str) -> list[tuple[Any, ...]]:
    """What a query of the installation's owner returns."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


@contextmanager
def serving(url: str, **changes: str) -> Iterator[str]:
    """The installation's web process, as it runs in production: granian, as the application's role. Yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    granian = Path(sys.executable).with_name("granian")
    command = [str(granian), "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws"]
    command += ["--workers", "1", "--blocking-threads", "8", "--log-level", "error", "settings.wsgi:application"]
    around = environment(roles.becoming(url, roles.APP), **changes)
    with subprocess.Popen(command, cwd=ROOT, env=around, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as web:
        try:
            assert within(60, lambda: _is_ready(port)), "the web process did not get ready"
            yield f"http://127.0.0.1:{port}"
        finally:
            web.terminate()


def _is_ready(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
        return bool(answer.status == 200)
    return False
