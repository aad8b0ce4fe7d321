"""Kernels of our own beside torch's operations and the unmodified model: one request of 512 positions at a time.

Repetitions are interleaved in one process, and only one contender has threads at any moment.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.cases import SHARED, Case, Cases
from benchmarks.contenders import Assay, Contender, Transformers
from benchmarks.page import machine, markdown_table, write_section
from inference.api import Precision
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from tests.checkpoints import make_event_qwen3

SHIPPED = Path(__file__).parent.parent / "checkpoints" / "risk-small"
WORKLOADS = {"cold": 0, "80 % shared": SHARED}
LARGER: dict[str, Any] = {
    "hidden_size": 512,
    "intermediate_size": 1408,
    "num_hidden_layers": 8,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
}
HEAD = ("checkpoint", "positions", "contender", "median ms", "fastest ms", "native is")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    options = _options(argv)
    torch.set_num_threads(1)  # of this thread: those of the contenders compute
    about = machine(date.today(), threads=options.threads)  # noqa: DTZ011 - the machine's own calendar
    config = EngineConfig(threads=options.threads, memory_mb=512, salt_key=bytes(32), stall_timeout_s=600.0)
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as folder:
        paths = {"risk-small": SHIPPED, "27 M, random": make_event_qwen3(Path(folder) / "larger", **LARGER)}
        for name, path in paths.items():
            rows += rows_of(name, path, config, repetitions=options.repetitions)
    write_section("native", _section(rows, about=about))
    print(markdown_table(HEAD, rows))


def contenders(path: Path, config: EngineConfig, *, shared: int) -> list[Contender]:
    """The native kernels first, then what they replace, then the library; with a shared prefix it keeps a cache."""
    native, eager = Assay(path, config), Assay(path, replace(config, native=False))
    native.name, eager.name = f"INT8, {native.kernels}", f"INT8, {eager.kernels}"
    plain = [replace(config, precision=precision) for precision in (Precision.BF16, Precision.FP32)]
    return [native, eager, *(Transformers(path, one, keeps_cache=shared > 0) for one in plain)]


def rows_of(name: str, path: Path, config: EngineConfig, *, repetitions: int) -> list[tuple[str, ...]]:
    """A line for every workload and contender of a checkpoint."""
    schema = load_checkpoint(path, name="risk", config=config).schema
    assert schema is not None
    rows: list[tuple[str, ...]] = []
    for workload, shared in WORKLOADS.items():
        racing = contenders(path, config, shared=shared)
        times = race(racing, Cases(schema, shared=shared, seed=1), repetitions=repetitions)
        for contender, taken in times.items():
            ratios = [other / native for other, native in zip(taken, times[racing[0].name], strict=True)]
            cells = (f"{median(taken):.1f}", f"{min(taken):.1f}", f"{median(ratios):.2f}x as fast")
            rows.append((name, workload, contender, *cells))
    return rows


def race(racing: Sequence[Contender], cases: Cases, *, repetitions: int) -> dict[str, list[float]]:
    """Milliseconds of one new case after another, of all contenders in turn."""
    times: dict[str, list[float]] = {contender.name: [] for contender in racing}
    for _ in range(repetitions):
        case = cases.take(1)
        for contender in racing:
            with _awake(contender, cases.take(1)):
                started = time.perf_counter()
                contender.score(case)
                times[contender.name].append(1000.0 * (time.perf_counter() - started))
    return times


@contextmanager
def _awake(contender: Contender, first: Sequence[Case]) -> Iterator[None]:
    """Its threads are there, and have run once: the shared prefix is read, the kernels are set up."""
    contender.wake()
    contender.score(first)
    try:
        yield
    finally:
        contender.rest()


def _section(rows: Sequence[Sequence[str]], *, about: str) -> str:
    return (
        f"## Kernels of our own\n\n{about}\n\nOne request of 512 positions with one question, {SHARED} of them read "
        "before where it says *80 % shared* (`python -m benchmarks.native`). The last column is the median, over "
        "interleaved repetitions, of a contender's time divided by that of the native kernels just before it.\n\n"
        + markdown_table(HEAD, rows)
    )


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.native", description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repetitions", type=int, default=15)
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
