"""``make bench-peers``: race one workload after the other, keep each one's standings, rewrite the page."""

import argparse
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from benchmarks.page import machine, write_section
from benchmarks.peers import report
from benchmarks.peers.checkpoints import make
from benchmarks.peers.handle import ROOT
from benchmarks.peers.race import race
from benchmarks.peers.roster import FOLDER, ROSTER
from benchmarks.peers.workloads import WORKLOADS, Workload

THREADS = 2


def main(argv: Sequence[str] | None = None) -> None:
    """Race, print and write the section; a workload that is done is kept, so a run can be taken up again."""
    options = _options(argv)
    console = Console()
    for name in options.only or list(WORKLOADS):
        _race(WORKLOADS[name], options, console)
        write_section("peers", report.section())


def _race(workload: Workload, options: argparse.Namespace, console: Console) -> None:
    about = f"{machine(datetime.now(UTC).date(), threads=THREADS)} Commit {_commit()}, `make bench-peers`."
    model = make(workload.shape, FOLDER / "models")
    with ExitStack() as stack, console.status(workload.title) as status:
        handles = {}
        for name in workload.entrants:
            if not options.entrants or any(part in name for part in options.entrants):
                status.update(f"{workload.name}: starting {name}")
                handles[name] = stack.enter_context(ROSTER[name].open(model, threads=THREADS))
        standings = race(
            workload,
            handles,
            rounds=options.rounds or workload.rounds,
            say=lambda text: status.update(f"{workload.name}: {text}"),
        )
    table = Table(*report.HEAD, title=workload.title)
    for row in report.rows_of(workload, standings):
        table.add_row(*row)
    console.print(table)
    for sentence in report.verdicts(workload, standings):
        console.print(sentence)
    report.save(workload, standings, about=about)


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=10"]
    return subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(WORKLOADS), metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--entrants", nargs="+", help="parts of the names of those who take part; all if not given")
    parser.add_argument("--rounds", type=int, help="instead of each workload's own")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
