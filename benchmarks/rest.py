"""Synchronous assessments end to end over REST, one after the other, against an Assay that runs.

``make up`` in one terminal, then ``python -m benchmarks.rest --url … --key …``: accounts with their past are
told as history, and their next events are assessed by a single client that waits for each answer.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from statistics import mean, quantiles

import httpx
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.page import machine, markdown_table, write_section
from riskscore.events import Event
from settings.demo import story, traffic

PROMISED_MS = {"p50": 85.0, "p99": 120.0}
TIMING = re.compile(r"(?P<name>[\w-]+);dur=(?P<ms>[\d.]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One assessment as its client saw it; parts as ``Server-Timing`` told them."""

    client_ms: float
    parts_ms: dict[str, float]
    cached_share: float


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    options = _options(argv)
    if not options.key:
        sys.exit("Give an API key: --key, or the variable ASSAY_BENCH_KEY. `manage.py create_api_client` makes one.")
    accounts = story.accounts(run=f"bench{time.time_ns()}", now=datetime.now(UTC))
    past = sorted((event for account in accounts for event in account.past), key=lambda event: event.occurred_at)
    console = Console()
    with console.status("Telling history"):
        traffic.tell(options.url, options.key, past, on_progress=lambda _count: None)
    events = [item.event for account in accounts for item in account.assessed][: options.calls]
    headers = {"Authorization": f"Bearer {options.key}", "Prefer": "wait=10"}
    with httpx.Client(base_url=options.url, headers=headers, timeout=30.0, trust_env=False) as client:
        calls = [assess(client, event) for event in track(events, "Assessing", console=console)]
    rows = rows_of(calls)
    table = Table("ms", "mean", "p50", "p95", "p99", title=f"{len(calls)} synchronous assessments, one client")
    for row in rows:
        table.add_row(*row)
    console.print(table)
    write_section("rest", _section(calls, rows))


def assess(client: httpx.Client, event: Event) -> Call:
    """Send one event and wait for its result.

    Raises:
        httpx.HTTPStatusError: the answer is not a completed assessment.
    """
    body = story.as_json(event)
    started = time.perf_counter()
    response = client.post("/api/v1/risk/assessments", json=body, headers={"Idempotency-Key": event.id})
    client_ms = 1000.0 * (time.perf_counter() - started)
    if response.status_code != httpx.codes.CREATED:
        raise httpx.HTTPStatusError(f"answered {response.status_code}", request=response.request, response=response)
    usage = response.json().get("usage") or {}
    return Call(
        client_ms=client_ms,
        parts_ms={
            match["name"]: float(match["ms"]) for match in TIMING.finditer(response.headers.get("Server-Timing", ""))
        },
        cached_share=usage.get("positions_cached", 0) / max(1, usage.get("positions_total", 1)),
    )


def rows_of(calls: Sequence[Call]) -> list[tuple[str, ...]]:
    """The client's time, the server's parts, and what lies between them."""
    series = {"client sees": [call.client_ms for call in calls]}
    for name in calls[0].parts_ms:
        series[f"server: {name}"] = [call.parts_ms[name] for call in calls if name in call.parts_ms]
    if "total" in calls[0].parts_ms:
        series["network and HTTP"] = [call.client_ms - call.parts_ms["total"] for call in calls]
    if {"queue", "infer", "total"} <= calls[0].parts_ms.keys():
        inner = ("queue", "infer")
        series["database, rules and waiting"] = [
            call.parts_ms["total"] - sum(call.parts_ms.get(name, 0.0) for name in inner) for call in calls
        ]
    return [(name, *(f"{value:.1f}" for value in _summary(values))) for name, values in series.items()]


def _summary(values: Sequence[float]) -> tuple[float, float, float, float]:
    cuts = quantiles(values, n=100, method="inclusive")
    return mean(values), cuts[49], cuts[94], cuts[98]


def _section(calls: Sequence[Call], rows: Sequence[Sequence[str]]) -> str:
    times = [call.client_ms for call in calls]
    _, p50, _, p99 = _summary(times)
    kept = p50 <= PROMISED_MS["p50"] and p99 <= PROMISED_MS["p99"]
    return (
        f"## One call over REST\n\n{machine(date.today())}\n\n"  # noqa: DTZ011 - the machine's own calendar
        f"{len(calls)} synchronous `POST /api/v1/risk/assessments`, one after the other, by one client on the same "
        f"machine (`python -m benchmarks.rest`); {mean(call.cached_share for call in calls):.0%} of positions came "
        f"from the cache. The promise of "
        f"{PROMISED_MS['p50']:.0f} ms at the median and {PROMISED_MS['p99']:.0f} ms at the 99th percentile "
        f"{'holds' if kept else 'does not hold'} here.\n\n{markdown_table(('ms', 'mean', 'p50', 'p95', 'p99'), rows)}"
    )


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rest", description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000")
    parser.add_argument("--key", default=os.environ.get("ASSAY_BENCH_KEY", ""))
    parser.add_argument("--calls", type=int, default=200)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
