"""So many clients, each with one request in flight; and how busy the device was meanwhile."""

import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from statistics import mean

import numpy as np

SAMPLE_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One entrant at one workload."""

    entrant: str
    workload: str
    requests_per_s: float
    p50_ms: float
    p99_ms: float
    utilisation: float | None  # per cent, as the driver reports it


def prompts(total: int, shared: int, amount: int, *, vocabulary: int, seed: int) -> list[list[int]]:
    """So many lines of ``total`` tokens, the first ``shared`` the same in all."""
    draw = random.Random(seed)
    common = [draw.randrange(vocabulary) for _ in range(shared)]
    return [common + [draw.randrange(vocabulary) for _ in range(total - shared)] for _ in range(amount)]


def drive(ask: Callable[[list[int]], None], lines: Sequence[list[int]], *, clients: int) -> tuple[float, list[float]]:
    """Answer every line, ``clients`` at a time; returns seconds for all, and milliseconds of each."""
    turn, times = count(), [0.0] * len(lines)
    failures: list[Exception] = []

    def client() -> None:
        while (index := next(turn)) < len(lines) and not failures:
            started = time.perf_counter()
            try:
                ask(lines[index])
            except Exception as error:  # noqa: BLE001 - carried to the caller's thread
                failures.append(error)
            times[index] = 1000.0 * (time.perf_counter() - started)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return time.perf_counter() - began, times


def figure(name: str, workload: str, took_s: float, times: Sequence[float], busy: Sequence[float]) -> Figure:
    """Summed up."""
    p50, p99 = np.percentile(times, (50, 99))
    return Figure(
        entrant=name,
        workload=workload,
        requests_per_s=len(times) / took_s,
        p50_ms=float(p50),
        p99_ms=float(p99),
        utilisation=mean(busy) if busy else None,
    )


@contextmanager
def watched() -> Iterator[list[float]]:
    """Samples of the device's utilisation while the block runs; none without `nvidia-smi`."""
    samples: list[float] = []
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(samples, stop), daemon=True)
    watcher.start()
    try:
        yield samples
    finally:
        stop.set()
        watcher.join()


def _watch(samples: list[float], stop: threading.Event) -> None:
    if shutil.which("nvidia-smi") is None:
        return
    query = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits", "--id=0"]
    while not stop.wait(SAMPLE_S):
        out = subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip()
        samples += [float(out)] if out.isdigit() else []
