"""A noisy institution beside a quiet one: with turns, and first come, first served."""

from dataclasses import replace

from benchmarks.page import markdown_table
from benchmarks.serving.traffic import Run, poisson, serving
from inference.config import EngineConfig

ACCOUNTS = 50
QUIET_PER_S, NOISY_PER_S = 10.0, 300.0
PATIENCE_S = 0.5
SECONDS = 6.0
HEAD = ("scheduling", "quiet: answered in time", "quiet p50 ms", "quiet p99 ms", "noisy: answered a second")


def section(config: EngineConfig) -> str:
    """Run the arms; the part of docs/benchmarks.md."""
    config = replace(config, max_queue=100_000)
    arms = {
        "turns, and who would be late is refused": config,
        "turns alone": replace(config, sheds=False),
        "control: one line, earliest deadline first": replace(config, fair=False, sheds=False),
    }
    rows = [row(name, flooded(arm)) for name, arm in arms.items()]
    return (
        f"### A noisy institution\n\n{NOISY_PER_S:.0f} calls a second of one institution about accounts never seen, "
        f"more than can be done, beside {QUIET_PER_S:.0f} of another about warm ones, all with {PATIENCE_S:.1f} s to "
        f"be answered in; {SECONDS:.0f} s.\n\n"
        f"{markdown_table(HEAD, rows)}"
    )


def flooded(config: EngineConfig) -> Run:
    """Both at once."""
    with serving(config) as bench:
        bench.warm("quiet", ACCOUNTS)
        calls = []
        for name, rate in (("quiet", QUIET_PER_S), ("noisy", NOISY_PER_S)):
            moments = enumerate(poisson(rate, SECONDS, seed=int(rate)))
            accounts = ACCOUNTS if name == "quiet" else int(2 * NOISY_PER_S * SECONDS)  # each of these calls once
            calls += [bench.call(due_s, name, turn % accounts, patience_s=PATIENCE_S) for turn, due_s in moments]
        return bench.open(calls)


def row(name: str, run: Run) -> tuple[str, ...]:
    """One arm as cells."""
    quiet = run.of("quiet")
    return (
        name,
        f"{quiet.kept:.1%}",
        f"{quiet.quantile_ms(50):.1f}",
        f"{quiet.quantile_ms(99):.1f}",
        f"{run.of('noisy').per_s:.0f}",
    )
