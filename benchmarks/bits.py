"""Whether a score depends on its company: the shipped checkpoint's logits, asked in every way, bit by bit."""

import argparse
import random
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import labelled_requests
from benchmarks.page import machine, markdown_table, write_section
from benchmarks.scoring import CHECKPOINT
from inference.api import Precision, ScoreRequest
from inference.checkpoints import LoadedModel, load_checkpoint
from inference.config import EngineConfig
from inference.determinism import Finding, differences

SEED = 20_261_123
HEAD = ("precision", "way of asking", "answers compared", "differing", "max logit difference")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bits", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--requests", type=int, default=48)
    options = parser.parse_args(argv)
    everything, _ = labelled_requests(40)
    requests = random.Random(SEED).sample(everything, k=min(options.requests, len(everything)))
    rows = [
        (str(precision), finding.way, str(finding.compared), str(finding.differing), f"{finding.largest:.2g}")
        for precision in (Precision.INT8, Precision.BF16, Precision.FP32)
        for finding in found(options.checkpoint, precision, requests)
    ]
    table = Table(*HEAD)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    write_section("bits", _section(len(requests), rows))


def found(checkpoint: Path, precision: Precision, requests: Sequence[ScoreRequest]) -> Iterator[Finding]:
    """Each way of asking, against the same requests one by one with nothing cached and one thread."""
    config = EngineConfig(precision=precision, threads=1, memory_mb=512, salt_key=bytes(32))

    def load(wanted: EngineConfig) -> LoadedModel:
        return load_checkpoint(checkpoint, name="risk", config=wanted)

    return differences(load, requests, config)


def _section(requests: int, rows: Sequence[tuple[str, ...]]) -> str:
    return (
        f"## Bits\n\n{machine(date.today())}\n\n"  # noqa: DTZ011 - the machine's own calendar
        f"{requests} requests on checkpoint `risk-small`, every logit of both questions, against each request alone "
        f"with nothing cached and one thread (`python -m benchmarks.bits`). INT8 is promised to the last bit; the "
        f"others are measured.\n\n{markdown_table(HEAD, rows)}"
    )


if __name__ == "__main__":
    main()
