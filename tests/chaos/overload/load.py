"""An open-loop load: requests leave on a schedule, whatever became of those before them.

Run as a program, in a process of its own. Prints one JSON object for each request: when it was due (seconds
since 1970), after how many ms it was answered, its status (0: no answer), and whether the answer came with
Retry-After and without ``degraded``. Latency counts from when a request was due, so that a slow server cannot
hide what it did to those who would have asked meanwhile.
"""

import argparse
import asyncio
import gc
import json
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

GIVE_UP_S = 20.0
MOST_CONNECTIONS = 900  # fewer than one process may have files open


@dataclass(kw_only=True)
class Load:
    """What is sent, and what came of it."""

    port: int
    key: str
    prefer: str
    name: str
    deadlines_ms: tuple[int, ...]
    told: list[dict[str, float]] = field(default_factory=list)
    idle: list["Caller"] = field(default_factory=list)
    opened: int = 0

    def request(self, number: int) -> bytes:
        """The bytes of one request; every one is about an event of its own."""
        event = {
            "id": f"{self.name}-{number}",
            "account": f"{self.name}-{number % 50}",
            "kind": "card_payment",
            "channel": "ecommerce",
            "amount": "24.90",
            "currency": "EUR",
            "occurred_at": datetime.now(UTC).isoformat(),
            "country": "DE",
            "deadline_ms": self.deadlines_ms[number % len(self.deadlines_ms)],
        }
        body = json.dumps(event)
        return (
            "POST /api/v1/risk/assessments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.key}\r\nIdempotency-Key: {self.name}-{number}\r\nPrefer: {self.prefer}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


class Caller(asyncio.Protocol):
    """One connection, kept for the next request. Reads as much of an answer as is counted."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.answer: asyncio.Future[bytes] | None = None
        self.closed = False
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Put the answer together."""
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        if found and len(body) >= _length(head):
            read, self._read = self._read, b""
            if self.answer is not None and not self.answer.done():
                self.answer.set_result(read)

    def connection_lost(self, _error: Exception | None) -> None:
        """Nothing more will come."""
        self.closed = True
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(b"")


async def ask(load: Load, number: int, due_at: float) -> None:
    """Send one request and note what came of it."""
    answer = b""
    try:
        caller = _kept(load) or await _connect(load)
        caller.answer = asyncio.get_running_loop().create_future()
        assert caller.transport is not None
        caller.transport.write(load.request(number))
        answer = await asyncio.wait_for(caller.answer, GIVE_UP_S)
        if answer:
            load.idle.append(caller)
        else:
            load.opened -= 1
    except (OSError, TimeoutError):
        load.opened -= 1
    ms = 1000 * (time.time() - due_at)
    head = answer.partition(b"\r\n\r\n")[0].lower()
    load.told.append(
        {
            "due_at": due_at,
            "ms": ms,
            "status": int(answer[9:12] or 0),
            "retry_after": b"\r\nretry-after: " in head,
            "scored": b'"status":"completed"' in answer and b'"degraded":false' in answer,
        }
    )


async def send(load: Load, *, rate: float, seconds: float) -> None:
    """``rate`` requests a second, each at its moment, until all are answered or given up."""
    begun, tasks = time.time() + 0.1, []
    for number in range(int(rate * seconds)):
        due_at = begun + number / rate
        pause_s = due_at - time.time()
        if pause_s > 0.0005:
            await asyncio.sleep(pause_s)
        tasks.append(asyncio.create_task(ask(load, number, due_at)))
    await asyncio.gather(*tasks)


async def send_in_turn(load: Load, *, clients: int, seconds: float) -> None:
    """So many clients, each sending when its last request was answered: as much as the server can do."""
    until, numbers = time.time() + seconds, iter(range(10**9))

    async def work() -> None:
        while time.time() < until:
            await ask(load, next(numbers), time.time())

    await asyncio.gather(*[work() for _ in range(clients)])


def _kept(load: Load) -> Caller | None:
    """A connection that is still open; the server closes those that were idle for ten seconds."""
    while load.idle:
        caller = load.idle.pop()
        if not caller.closed:
            return caller
        load.opened -= 1
    return None


async def _connect(load: Load) -> Caller:
    if load.opened >= MOST_CONNECTIONS:
        raise ConnectionError("more connections than the load may open")
    load.opened += 1
    _, caller = await asyncio.get_running_loop().create_connection(Caller, "127.0.0.1", load.port)
    return caller


def _length(head: bytes) -> int:
    at = head.lower().find(b"content-length:")
    return int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0


def main() -> None:
    """Read the options, send, print."""
    options = argparse.ArgumentParser()
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--key", required=True)
    options.add_argument("--prefer", default="wait=10")
    options.add_argument("--name", required=True)
    options.add_argument("--deadline-ms", type=int, nargs="+", default=[5000])
    options.add_argument("--rate", type=float, default=0.0)
    options.add_argument("--clients", type=int, default=0)
    options.add_argument("--seconds", type=float, required=True)
    given = options.parse_args()
    load = Load(
        port=given.port, key=given.key, prefer=given.prefer, name=given.name, deadlines_ms=tuple(given.deadline_ms)
    )
    gc.disable()  # a collection among 20,000 tasks took 0.2 s, which would count as the server's
    if given.clients:
        asyncio.run(send_in_turn(load, clients=given.clients, seconds=given.seconds))
    else:
        asyncio.run(send(load, rate=given.rate, seconds=given.seconds))
    json.dump(load.told, sys.stdout)


if __name__ == "__main__":
    main()
