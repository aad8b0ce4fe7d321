"""Two workers against one on the same cores: each with half of them, and each with its own cache."""

import multiprocessing
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from multiprocessing.queues import Queue
from statistics import median
from typing import Any

from benchmarks.page import markdown_table
from benchmarks.serving.traffic import HISTORY, TAIL, serving
from inference.config import EngineConfig

ACCOUNTS, TURNS = 96, 12
TOGETHER = 32
ROUNDS = 3
HEAD = ("workers", "who gets a call", "calls a second", "positions from the cache")


@dataclass(frozen=True, slots=True)
class Part:
    """What one worker did: calls, seconds, positions read from its cache."""

    calls: int
    seconds: float
    cached: int


def section(config: EngineConfig) -> str:
    """Run the arms; the part of docs/benchmarks.md."""
    half = replace(config, threads=max(1, config.threads // 2), memory_mb=config.memory_mb // 2)
    arms = {
        ("1", "-"): (config, 1, True),
        ("2", "the one that knows the account"): (half, 2, True),
        ("2", "whoever is next"): (half, 2, False),
    }
    found: dict[tuple[str, str], list[tuple[float, float]]] = {arm: [] for arm in arms}
    for _ in range(ROUNDS):
        for arm, (shared, workers, affine) in arms.items():
            found[arm].append(together(shared, workers, affine=affine))
    rows = [
        (*arm, f"{median(rate for rate, _ in runs):.0f}", f"{median(hit for _, hit in runs):.0%}")
        for arm, runs in found.items()
    ]
    return (
        f"### Two workers against one\n\n{ACCOUNTS} accounts that call {TURNS} times, {TOGETHER} calls at once, from "
        f"nothing cached; the same cores and memory, divided. Medians of {ROUNDS} interleaved runs.\n\n"
        f"{markdown_table(HEAD, rows)}"
    )


def together(config: EngineConfig, workers: int, *, affine: bool) -> tuple[float, float]:
    """Calls a second of all workers, and the share of positions that were cached."""
    context = multiprocessing.get_context("spawn")
    ready, done = context.Barrier(workers), context.Queue()
    processes = [
        context.Process(target=_work, args=(config, _share(worker, workers, affine=affine), workers, ready, done))
        for worker in range(workers)
    ]
    for process in processes:
        process.start()
    parts = [done.get(timeout=300) for _ in processes]
    for process in processes:
        process.join()
    calls = sum(part.calls for part in parts)
    cached = sum(part.cached for part in parts) / (calls * (HISTORY + TAIL))
    return calls / max(part.seconds for part in parts), cached


def _share(worker: int, workers: int, *, affine: bool) -> list[int]:
    """The accounts of a worker's calls, in their order."""
    calls = [account for _ in range(TURNS) for account in range(ACCOUNTS)]
    if affine:
        return [account for account in calls if zlib.crc32(b"%d" % account) % workers == worker]
    # With an even number of accounts each would meet the same worker every time, which is affinity again.
    return [account for place, account in enumerate(calls) if (place + place // ACCOUNTS) % workers == worker]


def _work(config: EngineConfig, accounts: Iterable[int], workers: int, ready: Any, done: "Queue[Part]") -> None:
    with serving(config) as bench:
        calls = [bench.call(0.0, "bank", account) for account in accounts]
        ready.wait()
        run = bench.closed(calls, clients=TOGETHER // workers)
        done.put(Part(len(calls), run.wall_s, sum(ending.cached for ending in run.endings)))
