"""S11: webhooks arrive, prove where they are from, and reach nobody they should not."""

import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from standardwebhooks import Webhook

from apps.webhooks import addresses, sending
from apps.webhooks.sending import post
from tests.chaos.world import World, kill, wait_for
from tests.webhooks.receiver import Receiver, listening

pytestmark = pytest.mark.security

SEED = 11
OPEN = "SELECT count(*) FROM jobs_job WHERE status IN ('queued', 'running')"
PUBLIC = "93.184.215.14"


@pytest.fixture
def world() -> Iterator[World]:
    """An installation of its own."""
    with tempfile.TemporaryDirectory(prefix="assay-s11-", ignore_cleanup_errors=True) as folder:
        installation = World(Path(folder))
        yield installation
        installation.close()


class Slow(Receiver):
    """A receiver that takes its time, so that a sender has messages in its hands when it is killed."""

    def __init__(self, delay_s: float) -> None:
        super().__init__()
        self.requests = _Slowly(delay_s)


class _Slowly(list[Any]):
    def __init__(self, delay_s: float) -> None:
        super().__init__()
        self._delay_s = delay_s

    def append(self, request: Any) -> None:
        super().append(request)
        time.sleep(self._delay_s)


def torment(world: World, receiver: Receiver, *, kills: int, reconciler: bool) -> list[str]:
    """Let things happen while the sender is killed again and again. Returns the ids of what was promised."""
    chance, ledger, until = random.Random(SEED), world.state / "ledger", world.state / "enough"
    settings = {"DJANGO_SETTINGS_MODULE": "tests.webhooks.settings"}
    settings["ASSAY_WEBHOOK_HOSTS"] = f"http://127.0.0.1:{receiver.port}"
    command = [sys.executable, "-m", "tests.webhooks.load", receiver.url, str(ledger), str(until)]
    load = world.start("load", command, **settings)
    guard = world.reconciler(**settings) if reconciler else None
    for _ in range(kills):
        sender = world.worker("default", **settings)
        await_more(receiver, than=len(receiver.requests))
        time.sleep(chance.uniform(0.0, 1.0))
        kill(sender)
    until.touch()
    load.wait(timeout=30)
    sender = world.worker("default", **settings)
    settle(world, timeout_s=180.0 if reconciler else 20.0)
    for process in filter(None, (sender, guard)):
        kill(process)
    return ledger.read_text().splitlines()


def await_more(receiver: Receiver, *, than: int) -> None:
    """Wait until something arrives."""
    wait_for(lambda: len(receiver.requests) > than, timeout_s=60, what="nothing arrives")


def settle(world: World, *, timeout_s: float) -> None:
    """Give what is open the time it may take."""
    begun = time.monotonic()
    while world.ask(OPEN) and time.monotonic() - begun < timeout_s:
        time.sleep(0.2)


@pytest.mark.timeout(1800)
def test_no_message_is_lost_when_its_sender_is_killed(world: World, capsys):
    with listening(Slow(0.1)) as receiver:
        secret, *promised = torment(world, receiver, kills=20, reconciler=True)

    heard = Counter(receiver.ids)
    bodies = {(headers["webhook-id"], body) for headers, body in receiver.requests}
    verified = sum(is_verified(secret, headers, body) for headers, body in receiver.requests)
    with capsys.disabled():
        print(f"\nS11: 20 kills, {len(promised)} promised, {len(set(promised) - set(heard))} lost, "
              f"{heard.total() - len(heard)} told twice, {verified} of {heard.total()} verified")  # fmt: skip
    assert (set(promised) - set(heard), len(heard), verified) == (set(), len(bodies), heard.total())
    assert set(heard) == set(promised)


@pytest.mark.timeout(600)
def test_without_the_reconciler_messages_are_lost(world: World, capsys):
    with listening(Slow(0.5)) as receiver:
        _secret, *promised = torment(world, receiver, kills=4, reconciler=False)

    lost = world.ask("SELECT count(*) FROM webhooks_webhookdelivery WHERE status = 'pending'")
    with capsys.disabled():
        print(f"\nS11 control, no reconciler: 4 kills, {len(promised)} promised, {lost} never settled")
    assert lost > 0


def is_verified(secret: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether the independent library takes it, at the time it was sent."""
    sent_at = int(headers["webhook-timestamp"])
    webhook = Webhook(secret)
    webhook._Webhook__verify_timestamp = lambda _text: _moment(sent_at)  # type: ignore[attr-defined]
    return bool(webhook.verify(body, headers))


def _moment(seconds: int) -> Any:
    return datetime.fromtimestamp(seconds, tz=UTC)


@dataclass
class Sentinel:
    """Listens on this host's own addresses, where no webhook may ever come."""

    port: int = 0
    hits: list[str] = field(default_factory=list)
    public_hits: int = 0


@contextmanager
def sentinel() -> Iterator[Sentinel]:
    """127.0.0.1 and ::1 at one port, and 127.0.0.2 in the place of a public address."""
    guard = Sentinel()
    first = socket.create_server(("127.0.0.1", 0))
    guard.port = first.getsockname()[1]
    others = [
        socket.create_server(("::1", guard.port), family=socket.AF_INET6),
        socket.create_server(("127.0.0.2", guard.port)),
    ]
    for server in (first, *others):
        threading.Thread(target=_answer, args=(guard, server), daemon=True).start()
    try:
        yield guard
    finally:
        for server in (first, *others):
            server.close()


def _answer(guard: Sentinel, server: socket.socket) -> None:
    host = server.getsockname()[0]
    while True:
        try:
            connection, _peer = server.accept()
        except OSError:
            return
        if host == "127.0.0.2":
            guard.public_hits += 1
        else:
            guard.hits.append(host)
        connection.close()


class Resolver:
    """Names that mean this host; one of them only when it is asked for the second time."""

    NAMES = {
        "private.example": ["127.0.0.1"],
        "private6.example": ["::1"],
        "mapped.example": ["::ffff:127.0.0.1"],
        "any.example": ["0.0.0.0"],
    }

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        self._real = socket.getaddrinfo

    def __call__(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        """Like ``socket.getaddrinfo``; the public address leads to its stand-in."""
        name = host.decode() if isinstance(host, bytes) else str(host)
        self.asked[name] += 1
        if name == "rebind.example":
            answer = PUBLIC if self.asked[name] == 1 else "127.0.0.1"
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (answer, port))]
        if name == PUBLIC:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.2", port))]
        return self._real(self.NAMES.get(name, [name])[0], port, *args, **kwargs)


HOSTS = (
    "127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "017700000001",
    "0.0.0.0", "0", "[::1]", "[::]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "localhost",
    "LOCALHOST", "user:word@127.0.0.1", "hooks.bank.example@127.0.0.1", "127。0。0。1", "１２７.0.0.1",
    "private.example", "private6.example", "mapped.example", "any.example", "rebind.example",
)  # fmt: skip


@pytest.fixture
def arena(monkeypatch) -> Iterator[tuple[Sentinel, Resolver]]:
    """The sentinels, behind ports that webhooks may use, and the resolver."""
    resolver = Resolver()
    with sentinel() as guard:
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        monkeypatch.setattr(addresses, "PORTS", {guard.port})
        monkeypatch.setattr(sending, "CONNECT_S", 1.0)
        yield guard, resolver


def attack(send: Callable[[str], object], port: int) -> int:
    """Try every trick by both schemes. Returns how many there were."""
    urls = [f"{scheme}://{host}:{port}/hook" for scheme in ("https", "http") for host in HOSTS]
    for url in urls:
        send(url)
    return len(urls)


def test_no_trick_reaches_this_host(arena, capsys):
    guard, resolver = arena

    tried = attack(lambda url: post(url=url, headers={}, body=b"{}"), guard.port)

    with capsys.disabled():
        print(f"\nS11: {tried} addresses tried, {len(guard.hits)} reached a sentinel")
    assert guard.hits == []
    assert (guard.public_hits, resolver.asked["rebind.example"]) == (1, 1)  # pinned to what was looked at


def test_plain_requests_reach_this_host_by_the_same_tricks(arena, capsys):
    guard, _resolver = arena

    tried = attack(_naive, guard.port)

    with capsys.disabled():
        print(f"\nS11 control, plain requests: {tried} addresses tried, {len(guard.hits)} reached a sentinel")
    assert len(guard.hits) >= 20


def test_a_look_before_the_call_is_not_enough(arena):
    guard, _resolver = arena
    looked_at = socket.getaddrinfo("rebind.example", guard.port)[0][4][0]

    _naive(f"http://rebind.example:{guard.port}/")

    assert (looked_at, guard.hits) == (PUBLIC, ["127.0.0.1"])


def test_the_metadata_service_is_out_of_reach(monkeypatch):
    asked: list[Any] = []
    monkeypatch.setattr(socket.socket, "connect", lambda _self, address: asked.append(address), raising=False)
    resolver = Resolver()
    resolver.NAMES = {"metadata.example": ["169.254.169.254"], "azure.example": ["168.63.129.16"]}
    monkeypatch.setattr(socket, "getaddrinfo", resolver)

    codes = {
        post(url=f"https://{host}/latest/meta-data/", headers={}, body=b"").error_code
        for host in ("169.254.169.254", "[fd00:ec2::254]", "metadata.example", "azure.example", "2852039166")
    }

    assert (codes, asked) == ({"address_refused"}, [])


def _naive(url: str) -> None:
    try:
        requests.post(url, data=b"{}", timeout=1.0, verify=False)
    except (requests.RequestException, UnicodeError, OSError):
        return
