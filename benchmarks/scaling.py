"""How Assay grows: memory of a cached account, cost of longer contexts, and populations up to a million accounts."""

import argparse
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.page import machine, markdown_table, write_section
from benchmarks.peers.checkpoints import LABELS, SMALL, make
from benchmarks.population import CONTEXT, TAIL, Cost, rows_of, simulate
from benchmarks.scoring import CHECKPOINT
from inference.api import Question, ScoreRequest, TokenPosition
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore
from inference.engine.blocks import BLOCK
from inference.engine.lane import Lane

MODELS = Path(__file__).parent.parent / "var" / "peers" / "models"
CONTEXTS = (128, 256, 512, 1024, 2048, 4064)  # with the tail below the 4,096 that the checkpoint reads
POPULATIONS = (100, 1_000, 10_000, 100_000, 1_000_000)
MEMORY_MB = 1024  # of the engine as it is shipped
REPETITIONS = 5
GROWTH = ("positions of context", "cold ms", "warm ms", "cold / warm")
CROWD = ("accounts", "positions from the cache", "busy", "p50 ms", "p99 ms")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scaling", description=__doc__)
    parser.add_argument("--most", type=int, default=POPULATIONS[-1], help="accounts of the largest population")
    options = parser.parse_args(argv)
    about = machine(datetime.now(UTC).date())
    block_bytes, blocks = memory()
    times = growth()
    cold, warm = times[512]
    cost = Cost(fixed_ms=warm, position_ms=max(0.0, cold - warm) / 512)
    crowd = [simulate(size, blocks=blocks, cost=cost) for size in POPULATIONS if size <= options.most]
    grown = [(f"{size:,}", f"{a:.1f}", f"{b:.1f}", f"{a / b:.1f}x") for size, (a, b) in times.items()]
    console = Console()
    for title, head, rows in (("Context", GROWTH, grown), ("Accounts", CROWD, rows_of(crowd))):
        table = Table(*head, title=title)
        for row in rows:
            table.add_row(*row)
        console.print(table)
    write_section("scaling", _section(about, block_bytes, blocks, grown, rows_of(crowd)))


def memory() -> tuple[int, int]:
    """Bytes of one block of the shipped risk model's cache, and the blocks that its default memory holds."""
    config = EngineConfig(threads=1, memory_mb=MEMORY_MB, salt_key=bytes(32))
    loaded = load_checkpoint(CHECKPOINT, name="risk", config=config)
    lane = Lane(loaded, config)
    return lane.block_bytes, (MEMORY_MB * 2**20 - loaded.weight_bytes) // lane.block_bytes


def growth() -> dict[int, tuple[float, float]]:
    """Milliseconds of a call by its context's length: nothing cached, and all of the context cached."""
    threads = torch.get_num_threads()
    config = EngineConfig(threads=threads, memory_mb=2048, salt_key=bytes(32), namespace_quota=1.0)
    path = make(SMALL, MODELS)
    engine = EngineCore([load_checkpoint(path, name="model", config=config)], config)
    engine.start()
    try:
        return {size: _cold_and_warm(engine, size) for size in CONTEXTS}
    finally:
        engine.stop()


def _cold_and_warm(engine: EngineCore, size: int) -> tuple[float, float]:
    cold, warm = [], []
    for turn in range(REPETITIONS):
        engine.purge("bank")
        cold.append(_ms(engine, size, turn))
        warm.append(_ms(engine, size, turn))
    return median(cold), median(warm)


def _ms(engine: EngineCore, size: int, turn: int) -> float:
    positions = tuple(TokenPosition(400 + (7919 * turn + at) % 7000) for at in range(size + TAIL))
    question = Question(id="label", positions=positions[size:], labels=LABELS)
    request = ScoreRequest(id="one", model="model", namespace="bank", record=positions[:size], questions=(question,))
    started = time.perf_counter()
    engine.submit(request).result()
    return 1000 * (time.perf_counter() - started)


def _section(
    about: str,
    block_bytes: int,
    blocks: int,
    grown: Sequence[tuple[str, ...]],
    crowd: Sequence[tuple[str, ...]],
) -> str:
    account = block_bytes * (CONTEXT // BLOCK)
    return (
        f"## Growth\n\n{about} `make bench-growth`.\n\nA cached account of the shipped risk model, "
        f"{CONTEXT} positions, takes {account:,} bytes; the default {MEMORY_MB} MiB hold {blocks * BLOCK // CONTEXT:,} "
        f"of them.\n\nOne call with 27 M parameters (random weights), {TAIL} new positions after a context:\n\n"
        f"{markdown_table(GROWTH, grown)}\n\nSimulated, with the real prefix cache of that size and the cost of a call "
        "as measured above: accounts call by Zipf's law, at a rate that keeps the engine busy for 80 % of the time if "
        "every context is cached. Where it is busy all the time, calls come faster than they can be answered, and the "
        f"wait grows as long as they do:\n\n{markdown_table(CROWD, crowd)}"
    )


if __name__ == "__main__":
    main()
