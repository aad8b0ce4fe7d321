"""What the server itself refuses, and who can still come in while others dawdle."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from settings import stack
from settings.env import ROOT
from tests.chaos.test_kills import free_port
from tests.chaos.world import wait_for

SLOWEST_HEADER_MS = 700


@pytest.fixture(scope="module")
def port(redis_server: None) -> Iterator[int]:
    """A web process as `make up` starts it, but for a shorter patience and another application."""
    number = int(free_port())
    command = stack.web_command(port=number, application="tests.limits.desk:application")
    command[command.index("--http1-header-read-timeout") + 1] = str(SLOWEST_HEADER_MS)
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "settings.test"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True)
    wait_for(lambda: is_open(number), timeout_s=60, what="the server listens")
    yield number
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def send(port: int, request: bytes) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=20)
    connection.sendall(request)
    return connection


def status(port: int, *headers: str) -> int:
    """Status of a GET with such headers; 0 if the connection was closed without one."""
    lines = "".join(f"{header}\r\n" for header in headers)
    with send(port, f"GET /x HTTP/1.1\r\nHost: x\r\n{lines}\r\n".encode()) as connection:
        return int(connection.recv(100)[9:12] or 0)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([f"X-{number}: a" for number in range(90)], 200),
        ([f"X-{number}: a" for number in range(120)], 431),
        (["X-Long: " + "a" * 30_000], 200),
        (["X-Long: " + "a" * 200_000], 431),
    ],
)
def test_headers_are_few_and_short(port, headers, expected):
    assert status(port, *headers) == expected


def test_headers_that_do_not_end_close_the_connection(port):
    begun = time.monotonic()
    with send(port, b"GET /x HTTP/1.1\r\nHost: x\r\nX-Slow") as connection:
        assert connection.recv(100) == b""

    assert time.monotonic() - begun < 10


def test_bodies_that_do_not_come_keep_no_known_caller_out(port):
    known = "Authorization: Bearer known"
    assert status(port, known) == 200
    slow = b"POST /x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer stranger\r\nContent-Length: 100\r\n\r\nx"

    with ExitStack() as held:
        for _ in range(60):
            held.enter_context(send(port, slow))
        wait_for(lambda: status(port, "Authorization: Bearer other") == 429, timeout_s=20, what="strangers are full")
        assert [status(port, known) for _ in range(20)] == [200] * 20
        assert status(port) == 200

    wait_for(lambda: status(port, "Authorization: Bearer other") == 200, timeout_s=20, what="they have gone")
