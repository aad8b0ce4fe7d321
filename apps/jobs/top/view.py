"""A frame as tables of a terminal."""

from collections.abc import Sequence

from rich.console import Group
from rich.table import Table

from apps.jobs.top.frame import ModelLine, WorkerLine

WORKERS = ("worker", "busy", "KV in use", "running", "waiting", "backlog")
MODELS = (
    *("model", "req/s", "positions/s", "tokens/s", "p50 ms", "p99 ms", "first token ms", "ms/token"),
    *("batch fill", "cache hits", "budget", "shed", "late", "preempted"),
)


def render(workers: Sequence[WorkerLine], models: Sequence[ModelLine], silent: Sequence[str] = ()) -> Group:
    """Both tables; ``silent`` are workers that did not answer."""
    above, below = _table(WORKERS), _table(MODELS)
    for line in workers:
        above.add_row(
            line.worker, share(line.busy), share(line.kv_usage), str(line.running), str(line.waiting), str(line.backlog)
        )
    for worker in silent:
        above.add_row(worker, "no answer")
    for model in models:
        below.add_row(*_cells(model, named=len(workers) > 1))
    return Group(above, below)


def share(value: float | None) -> str:
    """A share of one in percent.

    >>> share(0.923), share(None)
    ('92 %', '–')
    """
    return "–" if value is None else f"{value:.0%}".replace("%", " %")


def figure(value: float | None) -> str:
    """Three digits that matter.

    >>> figure(1234.5), figure(12.34), figure(None)
    ('1,234', '12.3', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _cells(line: ModelLine, *, named: bool) -> tuple[str, ...]:
    rates = (line.requests_per_s, line.tokens_per_s, line.generated_per_s)
    times = (line.p50_ms, line.p99_ms, line.first_token_ms, line.per_token_ms)
    return (
        f"{line.model} at {line.worker}" if named else line.model,
        *(figure(value) for value in (*rates, *times)),
        *(share(value) for value in (line.fill, line.hit_rate)),
        *(str(value) for value in (line.budget, line.shed, line.missed, line.preempted)),
    )


def _table(columns: Sequence[str]) -> Table:
    table = Table(expand=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place else "left")
    return table
