"""``make bench-article MODEL=folder``: the source article's tables for any checkpoint, at every precision.

Milliseconds a token, tokens a second alone and in a batch, memory, and how near the text is to what it should be, on
short texts, documents and dialogues. Without a folder: a small text model, trained here first, whose texts have
references, and 27 M parameters with random weights, which are measured against what float32 writes.
"""

import argparse
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.article.quality import quality
from benchmarks.article.runs import REPETITIONS, TOGETHER, Run, Script, by_chance, measure, serving, spoken
from benchmarks.article.words import Form, spelled
from benchmarks.article.writer import trained
from benchmarks.page import machine, markdown_table, write_section
from benchmarks.peers.checkpoints import SMALL, make
from inference.api import Precision

FOLDER = Path(__file__).parent.parent.parent / "var"
PRECISIONS = (Precision.FP32, Precision.BF16, Precision.INT8)
ARTICLE = {Form.SHORT: 3.75, Form.DOCUMENT: 4.05, Form.DIALOGUE: 3.39}  # INT8 over the original, as it claims
HEAD = (
    "text",
    "precision",
    "ms/token",
    "tokens/s alone",
    f"tokens/s, {TOGETHER} at once",
    "weights MiB",
    "BLEU-4",
    "ROUGE-L",
)
Runs = Mapping[Precision, Mapping[Form, Run]]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write a section for each checkpoint."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.article", description=__doc__)
    parser.add_argument("model", type=Path, nargs="?", help="a sealed folder")
    parser.add_argument("--texts", type=int, default=200, help="of each form that the small model writes")
    options = parser.parse_args(argv)
    if options.model is not None:
        _report(options.model, None)
        return
    _report(trained(FOLDER / "writer"), spoken(options.texts))
    _report(make(SMALL, FOLDER / "peers" / "models"), None)


def _report(path: Path, scripts: Mapping[Form, Script] | None) -> None:
    about = machine(datetime.now(UTC).date())
    runs, weights = {}, {}
    for precision in PRECISIONS:
        with serving(path, precision) as (engine, loaded):
            runs[precision] = measure(engine, scripts or by_chance(loaded.model.config.vocab_size))
            weights[precision] = loaded.weight_bytes / 2**20
    rows = rows_of(runs, weights, scripts)
    table = Table(*HEAD, title=path.name)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    write_section(f"article-{path.name}", _section(path.name, rows, runs, about, has_references=scripts is not None))


def rows_of(
    runs: Runs, weights: Mapping[Precision, float], scripts: Mapping[Form, Script] | None
) -> list[tuple[str, ...]]:
    """A line for each form and precision, with how many times float32's speed it is."""
    rows: list[tuple[str, ...]] = []
    for form in Form:
        exact = runs[Precision.FP32][form]
        right = _references(scripts[form]) if scripts else [_numbers(line) for line in exact.written]
        for precision in runs:
            run = runs[precision][form]
            said = [spelled(line) if scripts else _numbers(line) for line in run.written]
            bleu, rouge = quality(said, right)
            rows.append(
                (
                    str(form),
                    str(precision),
                    f"{run.ms_per_token:.2f}",
                    f"{run.alone_per_s:.0f} ({run.alone_per_s / exact.alone_per_s:.2f}x)",
                    f"{run.together_per_s:.0f} ({run.together_per_s / exact.together_per_s:.2f}x)",
                    f"{weights[precision]:.1f}",
                    f"{bleu:.4f}",
                    f"{rouge:.4f}",
                )
            )
    return rows


def _references(script: Script) -> list[str]:
    return [spelled(turn.summary) for talk in script.talks for turn in talk]


def _numbers(tokens: tuple[int, ...]) -> str:
    return " ".join(map(str, tokens))


def _beside_the_article(runs: Runs) -> str:
    def ratio(form: Form, other: Precision) -> str:
        mine, theirs = runs[Precision.INT8][form], runs[other][form]
        return (
            f"{mine.alone_per_s / theirs.alone_per_s:.2f}x alone and "
            f"{mine.together_per_s / theirs.together_per_s:.2f}x together"
        )

    told = [
        f"{form} {ratio(form, Precision.FP32)} (article {claimed:.2f}x), over bf16 {ratio(form, Precision.BF16)}"
        for form, claimed in ARTICLE.items()
    ]
    return f"INT8 over float32: {'; '.join(told)}."


def _section(name: str, rows: Sequence[tuple[str, ...]], runs: Runs, about: str, *, has_references: bool) -> str:
    measured = (
        "a small text model trained here, each answer against the one that follows from its record"
        if has_references
        else "random weights, against what float32 writes, token by token"
    )
    return (
        f"## The article's tables: `{name}`\n\n{about}\n\nGreedy, without guesses, nothing cached but a dialogue's own "
        f"earlier turns; medians of {REPETITIONS} (`make bench-article`). BLEU-4 and ROUGE-L: {measured}. "
        f"{_beside_the_article(runs)}\n\n{markdown_table(HEAD, rows)}"
    )


if __name__ == "__main__":
    main()
