"""Runs several processes as one: in order, restarted when they die, stopped in reverse.

Each child has a process group of its own, so Ctrl-C reaches only the supervisor, which then
stops them one after the other. A child is told by the kernel when the supervisor is killed.
"""

import http.client
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from settings.keeper import die_with_parent

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
STEADY_AFTER_S = 30.0  # a child that lived this long restarts at once when it dies
LOG_LIMIT_BYTES = 20_000_000
LOOK_EVERY_S = 0.2


class NotReadyError(RuntimeError):
    """A process did not become ready in time; the message names it and its log."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """One process to run. ``ready_port`` answers ``GET /readyz`` with 200 once it can work.

    ``environment`` is added to what all services get.
    """

    name: str
    command: Sequence[str]
    ready_port: int | None = None
    stop_timeout_s: float = 10.0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class _Child:
    service: Service
    process: "subprocess.Popen[bytes]"
    started_at: float
    pause_s: float = FIRST_PAUSE_S  # before the next restart
    restart_at: float | None = None


@dataclass
class Supervisor:
    """Keeps ``services`` running until ``stop``; their output goes to one file each in ``logs``."""

    services: Sequence[Service]
    environment: Mapping[str, str]
    folder: Path
    logs: Path
    clock: Callable[[], float] = time.monotonic
    _children: list[_Child] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Start every service in the given order."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with self._lock:
            for service in self.services:
                self._children.append(_Child(service, self._spawn(service), self.clock()))

    def wait_until_ready(self, *, timeout_s: float, on_ready: Callable[[str], None]) -> bool:
        """Wait for each service that has a readiness port, telling its name to ``on_ready``.

        Returns:
            True once all are ready, False if a stop was requested meanwhile.

        Raises:
            NotReadyError: one did not answer in time.
        """
        deadline = self.clock() + timeout_s
        for service in self.services:
            while service.ready_port is not None and not _is_ready(service.ready_port):
                if self._stopping.wait(LOOK_EVERY_S):
                    return False
                if self.clock() > deadline:
                    raise NotReadyError(f"{service.name} is not ready; see {self.log_of(service.name)}")
                self.restart_dead()
            on_ready(service.name)
        return True

    def watch(self, *, on_restart: Callable[[str], None]) -> None:
        """Restart what dies, with growing pauses, until ``stop`` is called from elsewhere."""
        while not self._stopping.wait(LOOK_EVERY_S):
            for name in self.restart_dead():
                on_restart(name)

    def restart_dead(self) -> list[str]:
        """Look at every child once. Returns the names of those that were started again."""
        with self._lock:
            if self._stopping.is_set():
                return []
            return [child.service.name for child in self._children if self._revive(child)]

    def wait_until_stopped(self) -> None:
        """Return once a stop was requested."""
        while not self._stopping.wait(LOOK_EVERY_S):  # in short turns, so that signal handlers get theirs
            pass

    def wait(self, seconds: float) -> bool:
        """Wait for so long, or until a stop is requested. Returns whether one was."""
        return self._stopping.wait(seconds)

    def request_stop(self) -> None:
        """Let ``watch`` and ``wait_until_ready`` return. Safe in a signal handler."""
        self._stopping.set()

    def stop(self) -> None:
        """Stop every child, the last started first, each with its own time to finish."""
        self._stopping.set()
        with self._lock:
            while self._children:
                _end(self._children.pop())

    @property
    def is_stopping(self) -> bool:
        """Whether a stop was requested."""
        return self._stopping.is_set()

    def pids(self) -> dict[str, int]:
        """Process id of each service that runs now."""
        with self._lock:
            return {child.service.name: child.process.pid for child in self._children if child.process.poll() is None}

    def log_of(self, name: str) -> Path:
        """The file a service's output goes to."""
        return self.logs / f"{name}.log"

    def _spawn(self, service: Service) -> "subprocess.Popen[bytes]":
        log = self.log_of(service.name)
        if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
            log.replace(log.with_suffix(".log.1"))
        with log.open("ab") as output:
            return subprocess.Popen(
                list(service.command),
                cwd=self.folder,
                env={**self.environment, **service.environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGTERM),  # noqa: PLW1509 - one system call
            )

    def _revive(self, child: _Child) -> bool:
        if child.process.poll() is None:
            return False
        now = self.clock()
        if child.restart_at is None:
            _kill_group(child.process.pid)  # what a killed parent left behind may still hold its port
            lived_s = now - child.started_at
            pause_s = FIRST_PAUSE_S if lived_s > STEADY_AFTER_S else child.pause_s
            child.restart_at, child.pause_s = now + pause_s, min(2 * pause_s, LONGEST_PAUSE_S)
        if now < child.restart_at:
            return False
        child.process, child.started_at, child.restart_at = self._spawn(child.service), now, None
        return True


def _end(child: _Child) -> None:
    child.process.terminate()
    try:
        child.process.wait(timeout=child.service.stop_timeout_s)
    except subprocess.TimeoutExpired:
        child.process.kill()
        child.process.wait()
    _kill_group(child.process.pid)


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
