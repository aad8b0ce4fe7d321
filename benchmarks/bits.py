"""Whether a score depends on its company: the shipped checkpoint's logits, asked in every way, bit by bit."""

import argparse
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy import labelled_requests
from benchmarks.page import machine, markdown_table, write_section
from benchmarks.scoring import CHECKPOINT
from inference.api import Precision, ScoreRequest, ScoreResult
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore

BATCHES = 20
SEED = 20_261_123
HEAD = ("precision", "way of asking", "answers compared", "differing", "max logit difference")

Logits = dict[str, tuple[float, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What one way of asking changed against each request alone in a cold engine."""

    compared: int
    differing: int
    largest: float


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bits", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--requests", type=int, default=48)
    options = parser.parse_args(argv)
    everything, _ = labelled_requests(40)
    requests = random.Random(SEED).sample(everything, k=min(options.requests, len(everything)))
    rows = [
        (str(precision), way, str(found.compared), str(found.differing), f"{found.largest:.2g}")
        for precision in (Precision.INT8, Precision.BF16, Precision.FP32)
        for way, found in differences(options.checkpoint, precision, requests).items()
    ]
    table = Table(*HEAD)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    write_section("bits", _section(len(requests), rows))


def differences(checkpoint: Path, precision: Precision, requests: Sequence[ScoreRequest]) -> dict[str, Difference]:
    """Each way of asking, against the same requests one by one with nothing cached and one thread."""
    base = EngineConfig(precision=precision, threads=1, memory_mb=512, salt_key=bytes(32))

    @contextmanager
    def serving(**changes: int) -> Iterator[EngineCore]:
        config = replace(base, **changes)  # type: ignore[arg-type]
        engine = EngineCore([load_checkpoint(checkpoint, name="risk", config=config)], config)
        engine.start()
        try:
            yield engine
        finally:
            engine.stop()

    with serving() as engine:
        alone = {request.id: _logits(_cold(engine, request)) for request in requests}
        found = {
            "warm cache": _against(alone, _one_by_one(engine, requests)),
            f"{BATCHES} random batches": _against(alone, *_batches(engine, requests)),
        }
    ways: dict[str, dict[str, int]] = {
        "chunks of 64": {"max_batch_positions": 64},
        "chunks of 4096": {"max_batch_positions": 4096},
        "2 threads": {"threads": 2},
    }
    for way, changes in ways.items():
        with serving(**changes) as engine:
            found[way] = _against(alone, _together(engine, requests))
    return found


def _cold(engine: EngineCore, request: ScoreRequest) -> ScoreResult:
    engine.purge(request.namespace)
    return engine.submit(request).result()


def _one_by_one(engine: EngineCore, requests: Sequence[ScoreRequest]) -> Logits:
    for request in requests:
        engine.submit(request).result()
    return {request.id: _logits(engine.submit(request).result()) for request in requests}


def _together(engine: EngineCore, requests: Sequence[ScoreRequest]) -> Logits:
    futures = {request.id: engine.submit(request) for request in requests}
    return {name: _logits(future.result()) for name, future in futures.items()}


def _batches(engine: EngineCore, requests: Sequence[ScoreRequest]) -> Iterator[Logits]:
    chance = random.Random(SEED)
    for _ in range(BATCHES):
        if chance.random() < 0.5:
            engine.purge(requests[0].namespace)
        yield _together(engine, chance.sample(requests, k=chance.randrange(2, 13)))


def _logits(result: ScoreResult) -> tuple[float, ...]:
    return tuple(logit for answer in result.answers for logit in answer.logits)


def _against(alone: Logits, *others: Logits) -> Difference:
    gaps = [
        max(abs(left - right) for left, right in zip(alone[name], found, strict=True))
        for other in others
        for name, found in other.items()
    ]
    return Difference(compared=len(gaps), differing=sum(gap > 0.0 for gap in gaps), largest=max(gaps))


def _section(requests: int, rows: Sequence[tuple[str, ...]]) -> str:
    return (
        f"## Bits\n\n{machine(date.today())}\n\n"  # noqa: DTZ011 - the machine's own calendar
        f"{requests} requests on checkpoint `risk-small`, every logit of both questions, against each request alone "
        f"with nothing cached and one thread (`python -m benchmarks.bits`). INT8 is promised to the last bit; the "
        f"others are measured.\n\n{markdown_table(HEAD, rows)}"
    )


if __name__ == "__main__":
    main()
