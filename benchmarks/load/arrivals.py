"""Calls that leave when they are due, whatever became of those before: latency counts from when each was due.

Bare HTTP/1.1 over kept connections: a client library would take as much of these two cores as a web process.
"""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

GIVE_UP_S = 20.0
CHUNK = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one call: milliseconds from when it was due, HTTP status (0: no answer), answer's size."""

    ms: float
    status: int
    is_scored: bool


@dataclass(kw_only=True)
class Caller:
    """A site and who calls it; connections are kept for the next call."""

    port: int
    key: str
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    def request(self, body: bytes, name: str) -> bytes:
        """The bytes of one assessment's POST; ``name`` is its idempotency key."""
        head = (
            "POST /api/v1/risk/assessments HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Authorization: Bearer {self.key}\r\nIdempotency-Key: {name}\r\nPrefer: wait=10\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def call(self, request: bytes, due_at: float) -> Outcome:
        """Send a request and wait for all of its answer."""
        try:
            status, body = await asyncio.wait_for(self._answer(request), GIVE_UP_S)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            status, body = 0, b""
        scored = status == 201 and not json.loads(body)["degraded"]
        return Outcome(ms=1000 * (time.perf_counter() - due_at), status=status, is_scored=scored)

    async def _answer(self, request: bytes) -> tuple[int, bytes]:
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        body = await reader.readexactly(int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0]))
        self.idle.append((reader, writer))
        return int(head[9:12]), body


def poisson(rate: float, total: int, *, seed: int) -> Iterator[float]:
    """When each of so many calls is due: seconds from the beginning, ``rate`` of them a second on average."""
    chance, at = random.Random(seed), 0.0
    for _ in range(total):
        at += chance.expovariate(rate)
        yield at


async def open_loop(caller: Caller, requests: Sequence[bytes], due: Sequence[float]) -> list[Outcome]:
    """Send every request at its moment; returns when all are answered or given up."""
    begun, tasks = time.perf_counter() + 0.1, []
    for request, moment in zip(requests, due, strict=True):
        pause_s = begun + moment - time.perf_counter()
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        tasks.append(asyncio.create_task(caller.call(request, begun + moment)))
    return list(await asyncio.gather(*tasks))


async def in_turn(
    caller: Caller, requests: Sequence[bytes], *, clients: int, on_answer: Callable[[], None]
) -> list[Outcome]:
    """So many clients, each sending its next request when its last one was answered."""
    waiting, outcomes = iter(requests), []

    async def work() -> None:
        for request in waiting:
            outcomes.append(await caller.call(request, time.perf_counter()))
            on_answer()

    await asyncio.gather(*[work() for _ in range(clients)])
    return outcomes
