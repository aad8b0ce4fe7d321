"""A bank's system under a fixed schedule: every request is repeated with its key until it is acknowledged.

``python -m tests.chaos.traffic --help``. The schedule does not wait for answers (open loop), so that slow
answers cannot hide behind requests that were never sent.
"""

import argparse
import asyncio
import json
import time
from collections import Counter
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import httpx

URL = "/api/v1/risk/assessments"
TIMEOUT_S = 10.0
RETRY_S = 0.3
GIVE_UP_S = 120.0
MOST_IN_FLIGHT = 64
ACCOUNTS = 40


def event(run: str, number: int) -> dict[str, Any]:
    """The ``number``-th event of a run; always the same bytes."""
    return {
        "id": f"{run}-{number}",
        "account": f"{run}-acc-{number % ACCOUNTS}",
        "kind": "card_payment",
        "channel": "ecommerce",
        "amount": f"{number % 900 + 1}.50",
        "currency": "EUR",
        "occurred_at": "2026-11-23T09:41:07Z",
        "country": "DE",
        "counterparty": {"kind": "merchant", "id": f"m-{number % 25}", "category": "5732", "country": "NL"},
        "deadline_ms": 60_000,
    }


class Traffic:
    """One run of requests and its ledger: a line for each that was acknowledged."""

    def __init__(self, client: httpx.AsyncClient, ledger: TextIO, run: str, *, fresh: bool = False) -> None:
        """``fresh``: a client that takes every try for a new request, as one without keys does."""
        self.statuses: Counter[str] = Counter()
        self._fresh = fresh
        self._client = client
        self._ledger = ledger
        self._run = run
        self._room = asyncio.Semaphore(MOST_IN_FLIGHT)

    async def tell(self, number: int) -> None:
        """Send one event until it is acknowledged, and write that down."""
        key, body = f"{self._run}-{number}", json.dumps(event(self._run, number)).encode()
        begun = time.monotonic()
        async with self._room:
            while time.monotonic() - begun < GIVE_UP_S:
                response = await self._send(key, body)
                if response is not None and response.is_success:
                    line = {
                        "number": number,
                        "id": response.json()["id"],
                        "sha256": sha256(response.content).hexdigest(),
                        "replayed": response.headers.get("Idempotent-Replayed") == "true",
                        "seconds": round(time.monotonic() - begun, 3),
                        "at": datetime.now(UTC).isoformat(),
                    }
                    self._ledger.write(json.dumps(line) + "\n")
                    return
                await asyncio.sleep(RETRY_S)
                if self._fresh:
                    key = f"{self._run}-{number}-{uuid4()}"
                    body = json.dumps(event(self._run, number) | {"id": key}).encode()

    async def replay(self, line: dict[str, Any]) -> bool:
        """Whether an acknowledged request gets the very same bytes again."""
        key, body = f"{self._run}-{line['number']}", json.dumps(event(self._run, line["number"])).encode()
        async with self._room:
            while (response := await self._send(key, body)) is None or not response.is_success:
                await asyncio.sleep(RETRY_S)  # shed, not answered
        same = sha256(response.content).hexdigest() == line["sha256"]
        return bool(same and response.headers.get("Idempotent-Replayed") == "true")

    async def _send(self, key: str, body: bytes) -> httpx.Response | None:
        headers = {"Idempotency-Key": key, "Prefer": "respond-async", "Content-Type": "application/json"}
        try:
            response = await self._client.post(URL, content=body, headers=headers)
        except httpx.HTTPError as error:
            self.statuses[type(error).__name__] += 1
            return None
        self.statuses[str(response.status_code)] += 1
        return response


async def run(options: argparse.Namespace) -> None:
    """Send on schedule until the file ``--until`` appears or ``--count`` were sent; or replay a ledger."""
    headers = {"Authorization": f"Bearer {options.key}"}
    limits = httpx.Limits(max_connections=MOST_IN_FLIGHT, max_keepalive_connections=MOST_IN_FLIGHT)
    async with httpx.AsyncClient(
        base_url=options.url, headers=headers, timeout=TIMEOUT_S, limits=limits, trust_env=False
    ) as client:
        if options.replay:
            lines = [json.loads(line) for line in options.ledger.read_text().splitlines()]
            traffic = Traffic(client, options.ledger.open("a"), options.run)
            same = await asyncio.gather(*(traffic.replay(line) for line in lines))
            report = {"replayed": len(same), "changed": same.count(False), "statuses": traffic.statuses}
        else:
            with options.ledger.open("a", buffering=1) as ledger:
                traffic = Traffic(client, ledger, options.run, fresh=options.fresh)
                sent = await _schedule(traffic, options)
            report = {"sent": sent, "statuses": traffic.statuses}
    options.report.write_text(json.dumps(report))


async def _schedule(traffic: Traffic, options: argparse.Namespace) -> int:
    begun, number = time.monotonic(), 0
    async with asyncio.TaskGroup() as tasks:
        while number < options.count and not options.until.exists():
            await asyncio.sleep(max(0.0, begun + number / options.rate - time.monotonic()))
            tasks.create_task(traffic.tell(number))
            number += 1
    return number


def main() -> None:
    """Read the command line and send."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--run", required=True, help="names the events of this run")
    parser.add_argument("--rate", type=float, default=20.0, help="requests a second")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--ledger", type=Path, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--until", type=Path, default=Path("/nonexistent"), help="ends when this file exists")
    parser.add_argument("--fresh", action="store_true", help="a new key and a new event for every try")
    parser.add_argument("--replay", action="store_true", help="repeat every line of the ledger instead")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
