"""``make bench-article MODEL=folder``: the source article's tables for any checkpoint, at every precision.

Milliseconds a token, tokens a second alone and in a batch, memory, and how near the text is to float32's by
BLEU-4 and ROUGE-L. Without a folder, a small text model is trained first, whose texts have references as well.
"""

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from statistics import median

import sacrebleu
import torch
from rich.console import Console
from rich.table import Table
from rouge_score.rouge_scorer import RougeScorer

from benchmarks.page import machine, markdown_table, write_section
from benchmarks.words import END, spelled, texts
from benchmarks.writer import trained
from inference.api import GenerateRequest, Precision, TokenPosition
from inference.checkpoints import LoadedModel, load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore

WRITER = Path(__file__).parent.parent / "var" / "writer"
PROMPT, NEW, TOGETHER, REPETITIONS = 128, 64, 16, 5
PRECISIONS = (Precision.FP32, Precision.BF16, Precision.INT8)
SEED = 20_261_128
HEAD = ("precision", "ms/token", "tokens/s alone", f"tokens/s, {TOGETHER} at once", "weights MiB", "BLEU-4", "ROUGE-L")
_ids = count()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompts:
    """What is asked, and what should be answered, where somebody knows; otherwise float32's answer is the measure."""

    records: tuple[tuple[int, ...], ...]
    references: tuple[tuple[int, ...], ...] | None
    new_tokens: int
    stops: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One precision: times, size, and the tokens it wrote."""

    ms_per_token: float
    alone_per_s: float
    together_per_s: float
    weights_mib: float
    written: tuple[tuple[int, ...], ...]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.article", description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", help="a sealed folder; trained here if not given")
    parser.add_argument("--texts", type=int, default=200, help="that the small model writes")
    options = parser.parse_args(argv)
    about = machine(datetime.now(UTC).date())
    path = options.model or trained(WRITER)
    runs, prompts = {}, written_prompts(options.texts)
    for precision in PRECISIONS:
        with serving(path, precision) as (engine, loaded):
            if options.model is not None:
                prompts = random_prompts(loaded)
            runs[precision] = _run(engine, loaded, prompts)
    rows = rows_of(runs, prompts)
    table = Table(*HEAD, title=path.name)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    write_section(f"article-{path.name}", _section(path.name, rows, about, trained_here=options.model is None))


@contextmanager
def serving(path: Path, precision: Precision) -> Iterator[tuple[EngineCore, LoadedModel]]:
    """An engine with this checkpoint alone."""
    config = EngineConfig(
        precision=precision, threads=torch.get_num_threads(), memory_mb=8192, salt_key=bytes(32), stall_timeout_s=600.0
    )
    loaded = load_checkpoint(path, name="model", config=config)
    engine = EngineCore([loaded], config)
    engine.start()
    try:
        yield engine, loaded
    finally:
        engine.stop()


def written_prompts(total: int) -> Prompts:
    """Records in words, with the summaries that follow from them."""
    drawn = texts(total, seed=SEED)
    return Prompts(
        records=tuple(text.record for text in drawn),
        references=tuple(text.summary for text in drawn),
        new_tokens=24,
        stops=frozenset({END}),
    )


def random_prompts(loaded: LoadedModel) -> Prompts:
    """Token ids by chance, for a checkpoint whose language nobody here knows."""
    chance, vocabulary = random.Random(SEED), loaded.model.config.vocab_size
    records = tuple(tuple(chance.choices(range(vocabulary), k=PROMPT)) for _ in range(TOGETHER))
    return Prompts(records=records, references=None, new_tokens=NEW, stops=frozenset())


def _run(engine: EngineCore, loaded: LoadedModel, prompts: Prompts) -> Run:
    whole = _generate(engine, prompts.records, prompts)  # also warms up
    alone = [_timed(engine, prompts.records[turn : turn + 1], prompts) for turn in range(REPETITIONS)]
    together = [_timed(engine, prompts.records[:TOGETHER], prompts) for _ in range(REPETITIONS)]
    ms = median(1000 * seconds / tokens for seconds, tokens in alone)
    return Run(
        ms_per_token=ms,
        alone_per_s=1000 / ms,
        together_per_s=median(tokens / seconds for seconds, tokens in together),
        weights_mib=loaded.weight_bytes / 2**20,
        written=whole,
    )


def _timed(engine: EngineCore, records: Sequence[tuple[int, ...]], prompts: Prompts) -> tuple[float, int]:
    engine.purge("bench")
    started = time.perf_counter()
    written = _generate(engine, records, prompts)
    return time.perf_counter() - started, sum(len(line) + bool(prompts.stops) for line in written)


def _generate(engine: EngineCore, records: Sequence[tuple[int, ...]], prompts: Prompts) -> tuple[tuple[int, ...], ...]:
    futures = [
        engine.generate(
            GenerateRequest(
                id=str(next(_ids)),
                model="model",
                namespace="bench",
                record=tuple(map(TokenPosition, record)),
                max_tokens=prompts.new_tokens,
                stop_tokens=prompts.stops,
                speculate=False,
            )
        )
        for record in records
    ]
    return tuple(future.result().tokens for future in futures)


def quality(written: Sequence[str], references: Sequence[str]) -> tuple[float, float]:
    """BLEU-4 of the corpus and mean ROUGE-L F1, both 0-1; texts are words with blanks between them."""
    bleu = sacrebleu.corpus_bleu(list(written), [list(references)], tokenize="none", force=True).score / 100
    scorer = RougeScorer(["rougeL"], tokenizer=_Blanks())
    found = [scorer.score(right, said)["rougeL"].fmeasure for said, right in zip(written, references, strict=True)]
    return bleu, sum(found) / len(found)


class _Blanks:
    """Splits where blanks are, and nowhere else: ROUGE's own tokenizer would drop every sign."""

    def tokenize(self, text: str) -> list[str]:
        """The words."""
        return text.split()


def rows_of(runs: dict[Precision, Run], prompts: Prompts) -> list[tuple[str, ...]]:
    """A line for each precision, with how many times float32's speed it is."""
    spell = spelled if prompts.references is not None else _numbers
    right = [spell(line) for line in prompts.references or runs[Precision.FP32].written]
    exact = runs[Precision.FP32]
    rows: list[tuple[str, ...]] = []
    for precision, run in runs.items():
        bleu, rouge = quality([spell(line) for line in run.written], right)
        rows.append(
            (
                str(precision),
                f"{run.ms_per_token:.2f}",
                f"{run.alone_per_s:.0f} ({exact.ms_per_token / run.ms_per_token:.2f}x)",
                f"{run.together_per_s:.0f} ({run.together_per_s / exact.together_per_s:.2f}x)",
                f"{run.weights_mib:.1f}",
                f"{bleu:.4f}",
                f"{rouge:.4f}",
            )
        )
    return rows


def _numbers(tokens: tuple[int, ...]) -> str:
    return " ".join(map(str, tokens))


def _section(name: str, rows: Sequence[tuple[str, ...]], about: str, *, trained_here: bool) -> str:
    measured = (
        "a small text model trained here, each text against the summary that follows from its record"
        if trained_here
        else "against what float32 writes, token by token"
    )
    return (
        f"## The article's tables: `{name}`\n\n{about}\n\nGreedy, without guesses, medians of {REPETITIONS} "
        f"(`make bench-article`). BLEU-4 and ROUGE-L: {measured}.\n\n{markdown_table(HEAD, rows)}"
    )


if __name__ == "__main__":
    main()
