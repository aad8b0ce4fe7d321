"""Generating 64 tokens after 128, 32 at once: Assay in four ways beside transformers' own generate.

Repetitions are interleaved, so that whatever else the machine does falls on everybody alike.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

import torch
from rich.console import Console

from benchmarks.page import machine, markdown_table, write_section
from benchmarks.scoring import DisagreementError
from inference.api import Choices, Constraint, GenerateRequest, GenerateResult, JsonSchema, Precision, TokenPosition
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore

RECORD, WRITTEN, AT_ONCE = 128, 64, 32
REPETITIONS = 7
VOCABULARY = 8192
SHAPE = {"hidden_size": 512, "intermediate_size": 1408, "num_hidden_layers": 8, "num_attention_heads": 8}
# As many fields as fill about 64 tokens of the checkpoint's tokenizer, half of them forced.
SCHEMA = (
    '{"type": "object", "additionalProperties": false, "required": ["risk", "amount", "reasons"], "properties": {'
    '"risk": {"enum": ["low", "medium", "high"]}, "amount": {"type": "integer", "minimum": 0, "maximum": 999999},'
    '"reasons": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"enum": ["amount", "country", "device"]}}}}'
)
BASELINE = "transformers bf16"
Records = Sequence[tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Run:
    """One batch of one contender.

    Attributes:
        seconds: from the first request to the last token.
        tokens: generated.
        note: what else there is to say.
    """

    seconds: float
    tokens: int
    note: str = ""


class Assay:
    """The engine, asked for all records at once."""

    def __init__(self, path: Path, config: EngineConfig, *, label: str, constraint: Constraint | None = None) -> None:
        self.name = f"Assay {config.precision}{label}"
        self._constraint = constraint
        self._speculate = "guess" in label
        self._engine = EngineCore([load_checkpoint(path, name="text", config=config)], config)
        self._ids = count()

    def write(self, records: Records) -> Run:
        """Generate after each record, cold."""
        self._engine.start()
        try:
            self._engine.purge("bank")
            self._ask(records[:1])
            began = time.perf_counter()
            results = self._ask(records)
            seconds = time.perf_counter() - began
        finally:
            self._engine.stop()
        usage = [result.usage for result in results]
        drafted, accepted = sum(u.drafted for u in usage), sum(u.accepted for u in usage)
        forced = sum(u.forced for u in usage)
        notes = [f"{accepted}/{drafted} guesses right"] if drafted else []
        notes += [f"{forced} tokens forced"] if forced else []
        return Run(seconds, sum(u.generated for u in usage), ", ".join(notes))

    def tokens(self, records: Records) -> list[tuple[int, ...]]:
        """What is generated after each record."""
        self._engine.start()
        try:
            return [result.tokens for result in self._ask(records)]
        finally:
            self._engine.stop()

    def _ask(self, records: Records) -> list[GenerateResult]:
        futures = [
            self._engine.generate(
                GenerateRequest(
                    id=f"{next(self._ids)}",
                    model="text",
                    namespace="bank",
                    record=tuple(TokenPosition(token) for token in record),
                    max_tokens=WRITTEN,
                    stop_tokens=frozenset(),
                    constraint=self._constraint,
                    speculate=self._speculate,
                )
            )
            for record in records
        ]
        return [future.result() for future in futures]


class Transformers:
    """The library's generate over one batch without padding."""

    def __init__(self, path: Path, config: EngineConfig) -> None:
        self.name = f"transformers {config.precision}"
        exact = replace(config, precision=Precision.FP32)
        self._threads = config.threads
        self._model: Any = load_checkpoint(path, name="text", config=exact).model
        if config.precision is Precision.BF16:
            self._model.bfloat16()
        self._model.set_attn_implementation("sdpa")

    def write(self, records: Records) -> Run:
        """Generate after all records."""
        with ThreadPoolExecutor(max_workers=1) as thread:  # its pool of workers ends with it; see `inference.threads`
            thread.submit(torch.set_num_threads, self._threads).result()
            thread.submit(self.tokens, records[:1]).result()
            began = time.perf_counter()
            written = thread.submit(self.tokens, records).result()
            seconds = time.perf_counter() - began
        return Run(seconds, sum(map(len, written)))

    def tokens(self, records: Records) -> list[tuple[int, ...]]:
        """What is generated after each record."""
        lines = torch.tensor(records)
        out = self._model.generate(
            lines,
            attention_mask=torch.ones_like(lines),
            max_new_tokens=WRITTEN,
            min_new_tokens=WRITTEN,
            do_sample=False,
            pad_token_id=0,
        )
        return [tuple(row) for row in out[:, lines.shape[1] :].tolist()]


def check_tokens(path: Path, config: EngineConfig) -> None:
    """Compare float32 tokens. Raises DisagreementError if Assay's are not transformers'."""
    exact = replace(config, precision=Precision.FP32)
    records = draw(4, seed=0)
    if Assay(path, exact, label="").tokens(records) != Transformers(path, exact).tokens(records):
        raise DisagreementError("Assay's float32 tokens are not those of transformers")


def draw(size: int, *, seed: int) -> Records:
    """Records of random tokens, a run of which comes back: there is something to copy, as in a record of a person."""
    rng = Random(seed)
    runs = [tuple(rng.randrange(1, 400) for _ in range(RECORD // 4)) for _ in range(size)]
    return [run * 4 for run in runs]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    options = _options(argv)
    torch.set_num_threads(1)  # of this thread: those of the contenders compute
    about = machine(date.today(), threads=options.threads)  # noqa: DTZ011 - the machine's own calendar
    config = EngineConfig(threads=options.threads, memory_mb=512, salt_key=bytes(32), stall_timeout_s=600.0)
    with tempfile.TemporaryDirectory() as folder:
        path = _checkpoint(Path(folder) / "text")
        check_tokens(path, config)
        contenders: list[Assay | Transformers] = [
            Assay(path, config, label=""),
            Assay(path, config, label=", guesses"),
            Assay(path, config, label=", JSON", constraint=JsonSchema(SCHEMA)),
            Assay(path, config, label=", list", constraint=_list()),
            Assay(path, replace(config, precision=Precision.BF16), label=""),
            *(Transformers(path, replace(config, precision=one)) for one in (Precision.FP32, Precision.BF16)),
        ]
        runs = race([contender.write for contender in contenders], repetitions=options.repetitions)
    rows = rows_of([contender.name for contender in contenders], runs)
    Console().print(markdown_table(HEAD, rows))
    if options.write:
        write_section("generation", _section(rows, about=about))


def race(writers: Sequence[Callable[[Records], Run]], *, repetitions: int) -> list[list[Run]]:
    """Every writer's runs, taken in turns, each turn beginning with another."""
    runs: list[list[Run]] = [[] for _ in writers]
    for writer in writers:
        writer(draw(2, seed=1))
    for turn in range(repetitions):
        records = draw(AT_ONCE, seed=2 + turn)
        for place in range(len(writers)):
            chosen = (turn + place) % len(writers)
            runs[chosen].append(writers[chosen](records))
    return runs


HEAD = ("contender", "tokens/s", f"x {BASELINE}", "ms a batch", "")


def rows_of(names: Sequence[str], runs: Sequence[Sequence[Run]]) -> list[tuple[str, ...]]:
    """A line per contender; the ratio is the median over turns of rates in one turn."""
    base = runs[names.index(BASELINE)]
    rows: list[tuple[str, ...]] = []
    for name, mine in zip(names, runs, strict=True):
        rate = median(run.tokens / run.seconds for run in mine)
        pairs = zip(mine, base, strict=True)
        ratio = median((run.tokens / run.seconds) / (other.tokens / other.seconds) for run, other in pairs)
        took_ms = median(1000.0 * run.seconds for run in mine)
        rows.append((name, f"{rate:,.0f}", f"{ratio:.2f}", f"{took_ms:,.0f}", mine[-1].note))
    return rows


def _section(rows: Sequence[tuple[str, ...]], *, about: str) -> str:
    return (
        f"## Generating beside transformers\n\n{about}\n\n27 M parameters with random weights, {AT_ONCE} requests at "
        f"once, {RECORD} positions read and {WRITTEN} tokens generated, nothing cached; median of interleaved "
        "repetitions (`python -m benchmarks.generation`). *Guesses*: prompt-lookup speculation. *JSON*: a schema whose "
        "forced tokens are taken ahead; it ends by itself, so it writes fewer tokens. *List*: one of 1,000 sequences "
        "of 64 tokens. Before timing, float32 tokens are compared with transformers' and are the same.\n\n"
        + markdown_table(HEAD, rows)
    )


def _list() -> Choices:
    rng = Random(9)
    return Choices(tuple(tuple(rng.randrange(1, 400) for _ in range(WRITTEN)) for _ in range(1000)))


def _checkpoint(path: Path) -> Path:
    from tests.inference.engine.writers import make_writer

    return make_writer(path, vocab_size=VOCABULARY, num_key_value_heads=4, **SHAPE)


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    parser.add_argument("--write", action="store_true", help="rewrite the section of docs/benchmarks.md")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
