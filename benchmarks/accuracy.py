"""What INT8 and bfloat16 cost in accuracy, on generated accounts that training never saw."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import count
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.page import machine, markdown_table, write_section
from benchmarks.scoring import CHECKPOINT
from inference.api import EventPosition, Precision, ScoreRequest
from inference.config import EngineConfig
from inference.quantization.report import PrecisionReport, answers_at, compare
from riskscore.encoding import history_start, pack_current, pack_history, pack_profile, questions
from riskscore.features import AccountWindow, CounterpartyWindow, compute, profile
from training.transactions.generator import generate

SEED = 20_261_125  # neither training's nor the demo's
EVERY = 40  # of honest events, one in so many is asked about; of frauds, all
PROMISE = 0.003  # the share of accuracy that INT8 may cost
HEAD = ("precision", "max logit delta", "mean logit delta", "top-1 agreement", "AUROC", "AUROC delta")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--accounts", type=int, default=120, help="generated; 120 give about 700 requests")
    options = parser.parse_args(argv)
    config = EngineConfig(threads=torch.get_num_threads(), memory_mb=512, salt_key=bytes(32))
    requests, truth = labelled_requests(options.accounts)
    exact = answers_at(options.checkpoint, requests, replace(config, precision=Precision.FP32))
    reports = {
        precision: compare(
            exact, answers_at(options.checkpoint, requests, replace(config, precision=precision)), truth=truth
        )
        for precision in (Precision.BF16, Precision.INT8)
    }
    table = Table(*HEAD, title=f"{len(requests)} requests, {sum(truth)} frauds")
    for row in _rows(reports):
        table.add_row(*row)
    Console().print(table)
    write_section("accuracy", _section(reports, len(requests), sum(truth)))


def labelled_requests(accounts: int) -> tuple[list[ScoreRequest], list[bool]]:
    """Base questions about frauds and a sample of honest events, each with its account's history."""
    windows: dict[str, AccountWindow] = {}
    histories: dict[str, list[EventPosition]] = {}
    counterparties, ids, honest = CounterpartyWindow(), count(), count()
    requests, truth = [], []
    for item in generate(accounts=accounts, seed=SEED):
        event = item.event
        window, history = windows.setdefault(event.account, AccountWindow()), histories.setdefault(event.account, [])
        features = compute(event, window, counterparties.stats(event))
        if item.is_fraud or next(honest) % EVERY == 0:
            asked = questions(pack_profile(profile(window)), pack_current(event, features))[:2]
            record = tuple(history[history_start(len(history)) :])
            requests.append(ScoreRequest(id=str(next(ids)), model="risk", namespace="", record=record, questions=asked))
            truth.append(item.is_fraud)
        history.append(pack_history(event, features))
        window.append(event)
        counterparties.append(event)
        if item.known_at is not None:
            counterparties.report(event, known_at=item.known_at)
    return requests, truth


def _rows(reports: dict[Precision, PrecisionReport]) -> list[tuple[str, ...]]:
    rows = []
    for precision, report in reports.items():
        assert report.auroc_exact is not None
        assert report.auroc_delta is not None
        figures = (report.max_delta, report.mean_delta, report.top1_agreement, report.auroc_exact + report.auroc_delta)
        rows.append((str(precision), *(f"{figure:.4f}" for figure in figures), f"{report.auroc_delta:+.5f}"))
    return rows


def _section(reports: dict[Precision, PrecisionReport], requests: int, frauds: int) -> str:
    exact = reports[Precision.INT8].auroc_exact
    kept = abs(reports[Precision.INT8].auroc_delta or 0.0) <= PROMISE
    return (
        f"## What precision costs\n\n{machine(date.today())}\n\n"  # noqa: DTZ011 - the machine's own calendar
        f"{requests} requests about generated accounts that training never saw, {frauds} of them frauds, against "
        f"the same checkpoint in float32 (AUROC {exact:.4f}). INT8 {'keeps' if kept else 'breaks'} the "
        f"promise of at most {PROMISE:.1%} (`python -m benchmarks.accuracy`).\n\n{markdown_table(HEAD, _rows(reports))}"
    )


if __name__ == "__main__":
    main()
