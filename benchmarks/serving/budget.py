"""The steered token budget beside fixed ones: short calls with a deadline, among long readings without one."""

from dataclasses import replace

from benchmarks.page import markdown_table
from benchmarks.serving.traffic import Bench, Call, Run, poisson, serving
from inference.api import Priority
from inference.config import EngineConfig
from inference.engine.lane import Lane

FIXED = (256, 512, 1024, 2048)
ACCOUNTS = 50
SHORT_PER_S, PATIENCE_S = 20.0, 0.060
LONG_PER_S, LONG = 25.0, 480  # cold positions, in the lowest priority
SECONDS = 20.0
HEAD = ("budget", "short calls in time", "their p50 ms", "their p99 ms", "long readings a second", "their p50 ms")


def section(config: EngineConfig) -> str:
    """Run the arms; the part of docs/benchmarks.md."""
    steered = replace(config, sheds=False)
    arms = {f"fixed, {size:,}": mixed(replace(steered, max_batch_positions=size), fixed=True) for size in FIXED}
    arms[f"steered, at most {config.max_batch_positions:,}"] = mixed(steered, fixed=False)
    rows = [row(name, run) for name, run in arms.items()]
    return (
        f"### The token budget\n\n{SHORT_PER_S:.0f} calls a second of 26 new positions, to be answered within "
        f"{1000 * PATIENCE_S:.0f} ms, among {LONG_PER_S:.0f} readings a second of {LONG:,} cold positions in the "
        f"lowest priority, {SECONDS:.0f} s each, nothing shed. A fixed budget is chosen for a machine and its "
        "models; the steered one begins with the most and falls where a step misses a deadline.\n\n"
        f"{markdown_table(HEAD, rows)}"
    )


def mixed(config: EngineConfig, *, fixed: bool) -> Run:
    """Both kinds at once."""
    with serving(config) as bench:
        if fixed:
            _hold(bench, config.max_batch_positions)
        bench.warm("short", ACCOUNTS)
        moments = poisson(SHORT_PER_S, SECONDS, seed=5)
        short = [
            bench.call(due_s, "short", turn % ACCOUNTS, patience_s=PATIENCE_S) for turn, due_s in enumerate(moments)
        ]
        return bench.open(short + [_long(bench, due_s) for due_s in poisson(LONG_PER_S, SECONDS, seed=6)])


def row(name: str, run: Run) -> tuple[str, ...]:
    """One arm as cells."""
    short, long = run.of("short"), run.of("long")
    return (
        name,
        f"{short.kept:.1%}",
        f"{short.quantile_ms(50):.1f}",
        f"{short.quantile_ms(99):.1f}",
        f"{long.per_s:.2f}",
        f"{long.quantile_ms(50):,.0f}",
    )


def _long(bench: Bench, due_s: float) -> Call:
    return Call(due_s=due_s, namespace="long", record=bench.events(LONG), tail=bench.events(1), priority=Priority.BATCH)


def _hold(bench: Bench, positions: int) -> None:
    """Have the budget stay where it is."""
    lanes: dict[str, Lane] = bench.engine._lanes  # noqa: SLF001 - an arm that no configuration offers
    for lane in lanes.values():
        lane.outlook.budget.floor = positions
