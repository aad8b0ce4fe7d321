"""Scoring 512 positions: Assay beside plain transformers, on one checkpoint, in one process.

Repetitions are interleaved, so that whatever else the machine does falls on everybody alike.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.cases import SHARED, Case, Cases
from benchmarks.contenders import Contender, Logits, all_of
from benchmarks.page import machine, markdown_table, write_section
from inference.api import EventSchema
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig

CHECKPOINT = Path(__file__).parent.parent / "checkpoints" / "risk-small"
SIZES = (1, 8, 32)
REPETITIONS = {1: 21, 8: 7, 32: 3}
BUDGET_S = 20.0  # of a workload and size; after it, no further repetition than the second begins
CLOSE = 0.5  # logits; nearer than that, another precision may prefer the other label
BASELINE = "transformers fp32"


class DisagreementError(RuntimeError):
    """Contenders give different answers, so that their times cannot be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One contender at one workload: median milliseconds of a whole batch of ``size``."""

    workload: str
    size: int
    contender: str
    batch_ms: float

    @property
    def requests_per_s(self) -> float:
        """Requests in a second."""
        return 1000.0 * self.size / self.batch_ms


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    options = _options(argv)
    torch.set_num_threads(1)  # of this thread: those of the contenders compute
    console = Console()
    about = machine(date.today(), threads=options.threads)  # noqa: DTZ011 - the machine's own calendar
    config = EngineConfig(threads=options.threads, memory_mb=512, salt_key=bytes(32), stall_timeout_s=600.0)
    with tempfile.TemporaryDirectory() as folder:
        path = options.checkpoint if options.checkpoint.exists() else _random_checkpoint(Path(folder))
        contenders = all_of(path, config)
        schema = load_checkpoint(path, name="risk", config=config).schema
        assert schema is not None
        agreement = check_answers(contenders, Cases(schema, shared=0, seed=1).take(16))
        figures = measure(contenders, schema, console=console, repeat=options.repeat)
    _show(console, figures)
    write_section("scoring", _section(figures, about=about, checkpoint=path.name, agreement=agreement))


def check_answers(contenders: Sequence[Contender], cases: Sequence[Case]) -> float:
    """Share of label choices equal to float32 transformers'.

    Raises:
        DisagreementError: a choice differs where float32 is clear.
    """
    answers = {contender.name: _awake(contender, cases) for contender in contenders}
    exact, agreed = answers[BASELINE], []
    for contender in contenders:
        for (no, yes), (other_no, other_yes) in zip(exact, answers[contender.name], strict=True):
            same = (yes > no) == (other_yes > other_no)
            if not same and abs(yes - no) > CLOSE:
                raise DisagreementError(f"{contender.name} prefers another label than {BASELINE}")
            agreed.append(same)
    return sum(agreed) / len(agreed)


def _awake(contender: Contender, cases: Sequence[Case]) -> Logits:
    contender.wake()
    try:
        return contender.score(cases)
    finally:
        contender.rest()


def measure(contenders: Sequence[Contender], schema: EventSchema, *, console: Console, repeat: float) -> list[Figure]:
    """Median times of every contender at every workload; ``repeat`` scales the repetitions."""
    figures = []
    for workload, shared in (("cold", 0), ("80 % shared", SHARED)):
        competing = [c for c in contenders if shared or "cache" not in c.name]
        for size in SIZES:
            with console.status(f"{workload}, {size} at once"):
                cases = Cases(schema, shared=shared, seed=size)
                times = _race(competing, cases, size, repetitions=max(2, round(REPETITIONS[size] * repeat)))
            figures += [
                Figure(workload=workload, size=size, contender=name, batch_ms=median(found))
                for name, found in times.items()
            ]
    return figures


def _race(competing: Sequence[Contender], cases: Cases, size: int, *, repetitions: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {contender.name: [] for contender in competing}
    for contender in competing:
        _awake(contender, cases.take(1))  # warms up, and leaves the shared prefix behind
    ends_at = time.perf_counter() + BUDGET_S
    for turn in range(repetitions):
        if turn > 1 and time.perf_counter() > ends_at:
            break
        batch = cases.take(size)
        for place in range(len(competing)):
            contender = competing[(turn + place) % len(competing)]
            contender.wake()
            contender.score(cases.take(1))  # a new thread's first pass sets up its kernels
            started = time.perf_counter()
            contender.score(batch)
            times[contender.name].append(1000.0 * (time.perf_counter() - started))
            contender.rest()
    return times


HEAD = ("contender", *(f"{size} at once" for size in SIZES))


def rows_of(figures: Sequence[Figure], workload: str) -> list[tuple[str, ...]]:
    """A line per contender: milliseconds per batch, requests a second, times transformers' fp32."""
    found = {(figure.contender, figure.size): figure for figure in figures if figure.workload == workload}
    lines = []
    for name in dict.fromkeys(name for name, _ in found):
        cells = []
        for size in SIZES:
            figure, plain = found[name, size], found[BASELINE, size]
            ratio = plain.batch_ms / figure.batch_ms
            cells.append(f"{figure.batch_ms:.1f} ms, {figure.requests_per_s:.1f}/s, {ratio:.2f}x")
        lines.append((name, *cells))
    return lines


def _show(console: Console, figures: Sequence[Figure]) -> None:
    for workload in dict.fromkeys(figure.workload for figure in figures):
        table = Table(title=f"Scoring 512 positions, {workload}: ms per batch, requests/s, x {BASELINE}")
        for place, column in enumerate(HEAD):
            table.add_column(column, justify="right" if place else "left")
        for row in rows_of(figures, workload):
            table.add_row(*row)
        console.print(table)


def _section(figures: Sequence[Figure], *, about: str, checkpoint: str, agreement: float) -> str:
    text = (
        f"## Scoring beside transformers\n\n{about}\n\nCheckpoint `{checkpoint}`, one question after 511 events, "
        "median of interleaved repetitions (`make bench`). *Cold*: nothing cached. *80 % shared*: the first 410 "
        "positions were read before. *Cache by hand*: the prefix's `DynamicCache` is computed once and copied for "
        f"every batch. Each cell: median time of the whole batch, requests a second, speed against {BASELINE}. Labels "
        f"agree with float32 transformers in {agreement:.1%} of the checked cases, and wherever "
        f"float32 is clear by {CLOSE} logits."
    )
    tables = [
        f"**{workload}**\n\n{markdown_table(HEAD, rows_of(figures, workload))}"
        for workload in dict.fromkeys(figure.workload for figure in figures)
    ]
    return "\n\n".join([text, *tables])


def _random_checkpoint(folder: Path) -> Path:
    from tests.checkpoints import make_event_qwen3

    return make_event_qwen3(folder / "random-256x4", hidden_size=256, intermediate_size=704, num_hidden_layers=4)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scoring", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT, help="a sealed folder with an event encoder")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument(
        "--repeat", type=float, default=1.0, help="scales the repetitions; 1 takes at most about two minutes"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
