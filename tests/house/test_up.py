"""`manage.py up`: one command, several processes, none left behind."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil
import pytest
import redis

from settings import embedded
from settings.env import ROOT
from tests.house.processes import all_servers, state_folder, within
from tests.house.test_supervisor import free_port

pytestmark = pytest.mark.timeout(300)


class Running:
    """An installation of a test's own."""

    def __init__(self, state: Path, *, port: int = 0) -> None:
        self.state = state
        self.port = port or free_port()
        environment = {
            "PATH": os.environ["PATH"],
            "ASSAY_STATE_DIR": str(state),
            "ASSAY_WEB_PORT": str(self.port),
            **{name: str(free_port()) for name in ("ASSAY_WORKER_PORT", "ASSAY_GRPC_PORT", "ASSAY_GRPC_PROBE_PORT")},
        }
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def is_ready(self) -> bool:
        """Whether the web process says so."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def children(self) -> list[psutil.Process]:
        """Processes the command started, and theirs; the embedded servers among them."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def web(self) -> psutil.Process:
        """The web process that the supervisor started."""
        return next(child for child in self.children() if "settings.wsgi:application" in child.cmdline())


@pytest.fixture
def running() -> Iterator[Running]:
    """An installation that is up."""
    with state_folder() as folder:
        installation = Running(folder)
        said = list(until("Ctrl-C", installation.process.stdout or []))
        try:
            assert "Ctrl-C" in said[-1], said
            yield installation
        finally:
            installation.process.kill()
            installation.process.wait()


def until(word: str, lines: Iterable[str]) -> Iterator[str]:
    """Lines up to the first that holds the word."""
    for line in lines:
        yield line
        if word in line:
            return


def redis_answers(state: Path) -> bool:
    """Whether the installation's Redis does."""
    try:
        return bool(redis.Redis.from_url(embedded.redis_url(state)).ping())
    except redis.ConnectionError:
        return False


def is_gone(process: psutil.Process) -> bool:
    """Whether a process has ended."""
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


def test_a_killed_web_process_is_replaced_and_a_stop_ends_all(running: Running):
    running.web().kill()
    assert within(30, lambda: not running.is_ready())
    assert within(60, running.is_ready)
    children = running.children()

    running.process.send_signal(signal.SIGTERM)

    assert running.process.wait(timeout=60) == 0
    assert within(20, lambda: all(is_gone(child) for child in children))  # the embedded servers end after it


def test_a_redis_killed_with_its_keeper_comes_back(running: Running):
    server_and_keeper = [child for child in running.children() if "redis.sock" in " ".join(child.cmdline())]
    for process in server_and_keeper:
        process.kill()

    assert len(server_and_keeper) == 2
    assert within(30, lambda: redis_answers(running.state))


def test_nothing_outlives_a_killed_supervisor(running: Running):
    children = running.children()
    assert len(children) >= 3

    running.process.kill()
    running.process.wait()

    assert within(40, lambda: all(is_gone(child) for child in children))
    assert within(30, lambda: not all_servers(running.state))


def test_a_port_in_use_is_named_before_anything_starts():
    with state_folder() as folder, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        output, _errors = Running(folder, port=port).process.communicate(timeout=60)

        assert f"Port {port} is in use; name another in ASSAY_WEB_PORT" in output
        assert not (folder / "log" / "web.log").exists()
