"""Long records read in part: what a sparse pattern saves at 1,024 to 4,096 positions, and what it costs in accuracy."""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table
from transformers import Qwen3Config, Qwen3ForCausalLM

from benchmarks.accuracy import labelled_requests
from benchmarks.attention import Shape
from benchmarks.page import machine, markdown_table, write_section
from benchmarks.scoring import CHECKPOINT
from inference.api import Precision
from inference.checkpoints import load_checkpoint, write_sums
from inference.config import DENSE, EngineConfig, SparsePattern
from inference.engine.runner import Runner
from inference.engine.work import Chunk
from inference.quantization.report import PrecisionReport, answers_at, compare

LENGTHS = (1024, 2048, 4096)
PATTERNS = (
    SparsePattern(sink=1, recent=2),
    SparsePattern(sink=1, recent=4, stride=8),
    SparsePattern(sink=1, recent=1),
    SparsePattern(recent=1),
)
SPEED_HEAD = ("sink-recent-stride", *(f"{length} positions" for length in LENGTHS))
ACCURACY_HEAD = ("sink-recent-stride", "max logit delta", "mean logit delta", "top-1 agreement", "AUROC", "AUROC delta")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sparse", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--accounts", type=int, default=120)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="one, where others compute too")
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    config = EngineConfig(threads=options.threads, memory_mb=512, salt_key=bytes(32))
    speeds = _speeds(config, options.repeats)
    requests, truth = labelled_requests(options.accounts)
    exact = answers_at(options.checkpoint, requests, config)
    reports = [
        compare(exact, answers_at(options.checkpoint, requests, replace(config, sparse=pattern)), truth=truth)
        for pattern in PATTERNS
    ]
    accuracy = [_accuracy_row(pattern, report) for pattern, report in zip(PATTERNS, reports, strict=True)]
    for head, rows in ((SPEED_HEAD, speeds), (ACCURACY_HEAD, accuracy)):
        table = Table(*head)
        for row in rows:
            table.add_row(*row)
        Console().print(table)
    lengths = sorted(len(request.record) for request in requests)
    write_section("sparse", _section(speeds, accuracy, lengths, reports[0]))


def make_checkpoint(folder: Path) -> Path:
    """27 M parameters, hidden 512, 8 layers of 8 query and 4 key heads of 64, with random weights."""
    torch.manual_seed(0)
    shape = {"hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 8, "head_dim": 64, "vocab_size": 1024}
    heads = {"num_attention_heads": 8, "num_key_value_heads": 4, "max_position_embeddings": 8192}
    config = Qwen3Config(**shape, **heads, tie_word_embeddings=True)  # type: ignore[arg-type]
    Qwen3ForCausalLM(config).save_pretrained(folder)
    (folder / "generation_config.json").unlink()
    write_sums(folder)
    return folder


def _speeds(config: EngineConfig, repeats: int) -> list[tuple[str, ...]]:
    with tempfile.TemporaryDirectory() as folder:
        loaded = load_checkpoint(
            make_checkpoint(Path(folder)), name="m", config=replace(config, precision=Precision.INT8)
        )
    runners = [Runner(replace(loaded, sparse=pattern), threads=config.threads) for pattern in (DENSE, *PATTERNS)]
    columns = [_column(runners, length, repeats) for length in LENGTHS]
    names = [pattern.name.removeprefix("sparse-") or "all" for pattern in (DENSE, *PATTERNS)]
    return [(name, *cells) for name, *cells in zip(names, *columns, strict=True)]


def _column(runners: Sequence[Runner], length: int, repeats: int) -> list[str]:
    """One cold record of that length in one step, the runners in turns."""
    [chunk] = Shape(name="", sequences=1, length=length, rows=length).chunks()
    whole = Chunk(chunk.work, 0, chunk.work.prompt.total)
    for runner in runners:
        runner.allocate(max(chunk.work.blocks))
    taken: list[list[float]] = [[] for _ in runners]
    for _ in range(repeats + 1):
        for runner, times in zip(runners, taken, strict=True):
            begun = time.perf_counter()
            runner.run([whole])
            times.append(1000.0 * (time.perf_counter() - begun))
    dense = taken[0][1:]
    gains = [median(a / b for a, b in zip(dense, times[1:], strict=True)) for times in taken]
    return [f"{median(times[1:]):.1f} ms, {gain:.2f}x" for times, gain in zip(taken, gains, strict=True)]


def _accuracy_row(pattern: SparsePattern, report: PrecisionReport) -> tuple[str, ...]:
    assert report.auroc_exact is not None
    assert report.auroc_delta is not None
    figures = (report.max_delta, report.mean_delta, report.top1_agreement, report.auroc_exact + report.auroc_delta)
    name = pattern.name.removeprefix("sparse-")
    return (name, *(f"{figure:.4f}" for figure in figures), f"{report.auroc_delta:+.5f}")


def _section(
    speeds: Sequence[tuple[str, ...]],
    accuracy: Sequence[tuple[str, ...]],
    lengths: Sequence[int],
    report: PrecisionReport,
) -> str:
    return (
        f"## Long records read in part\n\n{machine(date.today())}\n\n"  # noqa: DTZ011 - the machine's own calendar
        f"A cold record in one step, INT8, 27 M parameters with random weights (hidden 512, 8 layers, 8/4 heads of "
        f"64), against reading all of it (`python -m benchmarks.sparse`); medians, and medians of ratios of "
        f"neighbouring repetitions. Patterns count tiles of 128 positions.\n\n{markdown_table(SPEED_HEAD, speeds)}\n\n"
        f"What the shipped risk model loses, which was trained on all of its 512 positions: {len(lengths)} requests "
        f"about generated accounts with records of {median(lengths):.0f} positions at the median and {lengths[-1]} at "
        f"most, against INT8 with nothing hidden (AUROC {report.auroc_exact:.4f}). A pattern is worth having for a "
        f"model that was trained with it, or for records beyond its training's length.\n\n"
        f"{markdown_table(ACCURACY_HEAD, accuracy)}"
    )


if __name__ == "__main__":
    main()
