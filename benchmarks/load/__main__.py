"""``make bench-rest``: what a caller gets of everything together, and what a call costs each process.

An installation of its own is started below var/, accounts get a full history, then: single calls one after the
other, calls arriving by chance at a given rate (open loop), and a batch.
"""

import argparse
import asyncio
import json
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from benchmarks.load.accounts import Accounts
from benchmarks.load.arrivals import Caller, Outcome, in_turn, open_loop, poisson
from benchmarks.load.site import Site, running
from benchmarks.page import machine, markdown_table, write_section
from riskscore.events import Event

AIMS = {"rate": 120.0, "p99_ms": 120.0, "batch_per_s": 200.0}
HISTORY_ROWS = 500  # of one request
HEAD = ("what is sent", "calls", "scored", "a second", "p50 ms", "p99 ms", "CPU ms a call")


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One way of sending: how much came back and when, and what it cost in processor time by process."""

    title: str
    calls: int
    scored: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_ms: dict[str, float]


def main(argv: Sequence[str] | None = None) -> None:
    """Start, measure, print and write the section."""
    options = _options(argv)
    about = machine(datetime.now(UTC).date())
    console = Console()
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with console.status("Starting everything"), running() as site:
        accounts = Accounts(accounts=options.accounts, run=f"load{time.time_ns()}", now=datetime.now(UTC))
        with console.status("Telling history"):
            _tell(site, list(accounts.past()))
        found = list(_measured(site, accounts, options))
    table = Table(*HEAD)
    for row in rows_of(found):
        table.add_row(*row)
    console.print(table)
    console.print(verdict(found, rate=options.rate))
    write_section("load", _section(found, about, accounts=options.accounts, rate=options.rate))


def _measured(site: Site, accounts: Accounts, options: argparse.Namespace) -> Iterator[Measured]:
    caller = Caller(port=site.port, key=site.key)

    def requests(total: int) -> list[bytes]:
        return [caller.request(json.dumps(_as_json(event)).encode(), event.id) for event in accounts.next_events(total)]

    async def singles() -> Iterator[Measured]:
        await in_turn(caller, requests(2 * options.accounts), clients=4, on_answer=lambda: None)  # warms every account
        found = []
        with _costs(site) as cost:
            answers = await in_turn(caller, requests(options.singles), clients=1, on_answer=lambda: None)
        found.append(_of("one after the other", answers, cost))
        due = list(poisson(options.rate, int(options.rate * options.seconds), seed=1))
        with _costs(site) as cost:
            answers = await open_loop(caller, requests(len(due)), due)
        found.append(_of(f"arriving at {options.rate:g} a second", answers, cost))
        return iter(found)

    yield from asyncio.run(singles())
    with _costs(site) as cost:
        seconds = _batch(site, list(accounts.next_events(options.batch)))
    yield Measured(
        title="one batch",
        calls=options.batch,
        scored=options.batch,
        seconds=seconds,
        p50_ms=0.0,
        p99_ms=0.0,
        cpu_ms={name: 1000 * used / options.batch for name, used in cost.items() if name != "seconds"},
    )


def _tell(site: Site, events: Sequence[Event]) -> None:
    with _client(site) as client:
        for start in range(0, len(events), HISTORY_ROWS):
            body = "\n".join(json.dumps(_as_json(event)) for event in events[start : start + HISTORY_ROWS])
            answer = client.post("/api/v1/events", content=body, headers={"Content-Type": "application/x-ndjson"})
            answer.raise_for_status()


def _batch(site: Site, events: Sequence[Event]) -> float:
    """Send events as one batch; returns the seconds until its last row was answered."""
    body = "\n".join(json.dumps(_as_json(event)) for event in events)
    headers = {"Content-Type": "application/x-ndjson", "Idempotency-Key": events[0].id}
    with _client(site) as client:
        started = time.perf_counter()
        answer = client.post("/api/v1/batches?type=risk.assessments", content=body, headers=headers).raise_for_status()
        where = answer.headers["Location"]
        while client.get(where).raise_for_status().json()["status"] not in {"completed", "failed", "cancelled"}:
            time.sleep(0.2)
        return time.perf_counter() - started


def _client(site: Site) -> httpx.Client:
    return httpx.Client(
        base_url=site.url, headers={"Authorization": f"Bearer {site.key}"}, timeout=60.0, trust_env=False
    )


def _as_json(event: Event) -> dict[str, Any]:
    from settings.demo.story import as_json

    return as_json(event)


@contextmanager
def _costs(site: Site) -> Iterator[dict[str, float]]:
    """Processor seconds by process while the block ran, and its ``seconds``."""
    cost: dict[str, float] = {}
    before, started = site.cpu_s(), time.perf_counter()
    yield cost
    cost["seconds"] = time.perf_counter() - started
    cost |= {name: used - before.get(name, 0.0) for name, used in site.cpu_s().items()}


def _of(title: str, answers: Sequence[Outcome], cost: dict[str, float]) -> Measured:
    cuts = quantiles([answer.ms for answer in answers], n=100, method="inclusive")
    return Measured(
        title=title,
        calls=len(answers),
        scored=sum(answer.is_scored for answer in answers),
        seconds=cost["seconds"],
        p50_ms=cuts[49],
        p99_ms=cuts[98],
        cpu_ms={name: 1000 * used / len(answers) for name, used in cost.items() if name != "seconds"},
    )


def rows_of(found: Sequence[Measured]) -> list[tuple[str, ...]]:
    """A line for each way of sending."""
    return [
        (
            one.title,
            str(one.calls),
            str(one.scored),
            f"{one.scored / one.seconds:.1f}",
            f"{one.p50_ms:.1f}" if one.p50_ms else "",
            f"{one.p99_ms:.1f}" if one.p99_ms else "",
            f"{sum(one.cpu_ms.values()):.1f}: "
            + ", ".join(f"{name} {ms:.1f}" for name, ms in sorted(one.cpu_ms.items(), key=lambda item: -item[1])),
        )
        for one in found
    ]


def verdict(found: Sequence[Measured], *, rate: float) -> str:
    """What became of the aims, in two sentences."""
    loop, batch = found[1], found[2]
    kept = loop.scored == loop.calls and loop.p99_ms <= AIMS["p99_ms"] and rate >= AIMS["rate"]
    speed = batch.scored / batch.seconds
    return (
        f"Aim p99 <= {AIMS['p99_ms']:g} ms at {AIMS['rate']:g} calls a second: {loop.p99_ms:.0f} ms at {rate:g}, "
        f"{loop.scored} of {loop.calls} scored, {'reached' if kept else 'missed'}. "
        f"Aim {AIMS['batch_per_s']:g} assessments a second by batch: {speed:.0f}, "
        f"{'reached' if speed >= AIMS['batch_per_s'] else 'missed'}."
    )


def _section(found: Sequence[Measured], about: str, *, accounts: int, rate: float) -> str:
    return (
        f"## REST end to end\n\n{about}\n\n{accounts} accounts of the shipped risk model, each with 440 events told "
        "before and asked about twice, so that a call finds its account's context of about 460 positions cached. Web "
        "process, workers, PostgreSQL, Redis and the client share the two cores (`make bench-rest`). Calls arrive by "
        "chance, in an open loop; latency counts from when a call was due. Processor time is what each process used, "
        f"divided by calls: its sum bounds the rate. {verdict(found, rate=rate)}\n\n"
        f"{markdown_table(HEAD, rows_of(found))}"
    )


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--accounts", type=int, default=64)
    parser.add_argument("--singles", type=int, default=200)
    parser.add_argument("--rate", type=float, default=AIMS["rate"], help="calls a second, on average")
    parser.add_argument("--seconds", type=float, default=20.0, help="of the open loop")
    parser.add_argument("--batch", type=int, default=1000, help="rows of the batch")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
