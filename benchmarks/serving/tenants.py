"""A noisy institution beside a quiet one: with turns, and first come, first served."""

from dataclasses import replace

from benchmarks.page import markdown_table
from benchmarks.serving.traffic import Run, poisson, serving
from inference.config import EngineConfig

ACCOUNTS = 50
QUIET_PER_S, NOISY_PER_S = 10.0, 600.0
PATIENCE_S = 0.5
SECONDS = 10.0
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
        f"### A noisy institution\n\n{NOISY_PER_S:.0f} calls a second of one institution, far more than can be done, "
        f"beside {QUIET_PER_S:.0f} of another, all with {PATIENCE_S:.1f} s to be answered in; {SECONDS:.0f} s.\n\n"
        f"{markdown_table(HEAD, rows)}"
    )


def flooded(config: EngineConfig) -> Run:
    """Both at once."""
    with serving(config) as bench:
        calls = []
        for name, rate in (("quiet", QUIET_PER_S), ("noisy", NOISY_PER_S)):
            bench.warm(name, ACCOUNTS)
            moments = poisson(rate, SECONDS, seed=len(name) + int(rate))
            calls += [
                bench.call(due_s, name, turn % ACCOUNTS, patience_s=PATIENCE_S) for turn, due_s in enumerate(moments)
            ]
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
