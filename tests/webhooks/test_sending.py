"""One POST: what it does with answers, and what it never does."""

import socket
import threading

import pytest

from apps.webhooks import sending
from apps.webhooks.sending import post
from tests.webhooks.receiver import Receiver, listening

HEADERS = {"webhook-id": "msg_1"}


def send(url: str) -> sending.Answer:
    return post(url=url, headers=HEADERS, body=b"{}")


@pytest.mark.parametrize(
    ("status", "code"),
    [(200, ""), (204, ""), (302, "redirected"), (404, "http_404"), (410, "http_410"), (503, "http_503")],
)
def test_only_a_status_of_200_to_299_accepts(receiver: Receiver, status: int, code: str):
    receiver.status = status

    answer = send(receiver.url)

    assert (answer.status, answer.error_code) == (status, code)
    assert len(receiver.requests) == 1


def test_the_body_and_the_headers_arrive_as_they_are(receiver: Receiver):
    send(receiver.url)

    headers, body = receiver.requests[0]
    assert (headers["webhook-id"], headers["content-type"], body) == ("msg_1", "application/json", b"{}")
    assert headers["user-agent"] == "Assay-Webhooks/1"


@pytest.mark.parametrize(
    ("told", "seconds"), [("120", 120.0), ("999999", 86400.0), ("soon", None), ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0)]
)
def test_retry_after_is_read_within_a_day(receiver: Receiver, told: str, seconds: float | None):
    receiver.status, receiver.headers = 429, {"Retry-After": told}

    assert send(receiver.url).retry_after_s == seconds


def test_a_redirect_is_not_followed(receiver: Receiver):
    with listening() as sentinel:
        receiver.status, receiver.headers = 307, {"Location": sentinel.url}

        assert send(receiver.url).error_code == "redirected"

    assert sentinel.requests == []


def test_nobody_there_is_an_answer_too(settings):
    settings.WEBHOOK_HOSTS = ["http://127.0.0.1:1"]

    answer = send("http://127.0.0.1:1/")

    assert (answer.status, answer.error_code) == (None, "no_connection")


def test_a_receiver_that_drips_is_cut_off(settings, monkeypatch):
    monkeypatch.setattr(sending, "WHOLE_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        settings.WEBHOOK_HOSTS = [f"http://127.0.0.1:{port}"]
        threading.Thread(target=_drip, args=(server,), daemon=True).start()

        answer = send(f"http://127.0.0.1:{port}/")

    assert answer.error_code == "timeout"
    assert 400 < answer.latency_ms < 3000


def test_a_proxy_of_the_environment_is_not_used(receiver: Receiver, monkeypatch):
    with listening() as sentinel:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{sentinel.port}")
        monkeypatch.setenv("NO_PROXY", "")

        assert send(receiver.url).accepted

    assert sentinel.requests == []


def _drip(server: socket.socket) -> None:
    connection, _address = server.accept()
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(1000):
        try:
            connection.sendall(b"X-%d: y\r\n" % number)
        except OSError:
            return
        threading.Event().wait(0.1)
