"""Servers of their own, and processes that may be killed at any moment."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psycopg
import redis

from settings import embedded, roles
from settings.env import ROOT

CELERY = [sys.executable, "-m", "celery", "-A", "settings.celery", "worker", "--pool", "threads", "--concurrency", "32"]
CELERY += ["--disable-prefetch", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
MANAGE = [sys.executable, str(ROOT / "manage.py")]


class World:
    """An installation in a folder: PostgreSQL, Redis, and the processes started here."""

    def __init__(self, state: Path) -> None:
        """Start the servers and make the tables."""
        state.mkdir(parents=True, exist_ok=True)
        self.state = state
        self.database_url = embedded.database_url(state)
        embedded.start_redis(state)
        self.redis = redis.Redis.from_url(embedded.redis_url(state))
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.chaos.settings",
            "DATABASE_URL": self.database_url,
            "REDIS_URL": embedded.redis_url(state),
            "ASSAY_STATE_DIR": str(state),
            "OMP_NUM_THREADS": "1",
        }
        self._processes: list[subprocess.Popen[bytes]] = []
        self.manage("migrate", "--run-syncdb", "--verbosity", "0")

    def manage(self, *arguments: str) -> None:
        """Run a command to its end."""
        subprocess.run([*MANAGE, *arguments], env=self.environment, cwd=ROOT, check=True)

    def start(self, name: str, command: list[str], *, role: str = "", **environment: str) -> "subprocess.Popen[bytes]":
        """Start a process in a session of its own; its output goes to ``name``.log.

        ``role``: whom PostgreSQL takes it for; the owner unless said.
        """
        if role:
            environment["DATABASE_URL"] = roles.as_user(self.database_url, role)
        with (self.state / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                env=self.environment | environment,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def worker(self, queue: str = "chaos", **environment: str) -> "subprocess.Popen[bytes]":
        """Start a Celery worker as Assay runs it."""
        command = [*CELERY, "-Q", queue, "-n", f"{len(self._processes)}@chaos"]
        return self.start("worker", command, role=roles.WORKER, **environment)

    def reconciler(self, **environment: str) -> "subprocess.Popen[bytes]":
        """Start the reconciler."""
        return self.start("reconciler", [*MANAGE, "reconcile"], role=roles.WORKER, **environment)

    def submit(self, kind: str, *, count: int) -> None:
        """Promise some jobs at once."""
        options = ["--rate", "1000", "--count", str(count), "--until", str(self.state / "never")]
        self.manage("submit_load", kind, *options, "--ledger", str(self.state / f"{kind}.ledger"))

    def ask(self, query: str) -> int:
        """One number from the database."""
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])

    def close(self) -> None:
        """Kill whatever still runs, stopped or not."""
        for process in self._processes:
            kill(process)


def kill(process: "subprocess.Popen[bytes]") -> None:
    """``kill -9`` of a process and all it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=10)


def wait_for(condition: Callable[[], bool], *, timeout_s: float, what: str) -> float:
    """Wait for something to be so. Returns the seconds it took. Raises TimeoutError."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout_s:
            raise TimeoutError(what)
        time.sleep(0.05)
    return time.monotonic() - begun
