"""Dynamic batching on and off, at 80 % of what each can do: how much the device computes, and what comes of it."""

from collections.abc import Sequence
from dataclasses import replace

from benchmarks.page import markdown_table
from benchmarks.serving.traffic import Bench, Call, Run, poisson, serving
from inference.config import EngineConfig

ACCOUNTS = 100
LOAD = 0.8
CALLS = 1500  # to find what can be done
SECONDS = 15.0
TOGETHER = 32
SEED = 11
HEAD = (
    "batching",
    "calls a second offered",
    "answered a second",
    "device computes",
    "requests a step",
    "p50 ms",
    "p99 ms",
)


def section(config: EngineConfig) -> str:
    """Run the arms; the part of docs/benchmarks.md."""
    arms = {"off": replace(config, max_batch_requests=1), "on": config}
    most = {name: capacity(arm) for name, arm in arms.items()}
    rows = [
        row(name, LOAD * offered, at_load(arms[name], LOAD * offered))
        for offered in (most["off"], most["on"])
        for name in arms
    ]
    return (
        f"### Dynamic batching\n\nWarm accounts, 26 new positions after 480. At most {most['off']:.0f} calls a second "
        f"one at a time, {most['on']:.0f} with batching ({most['on'] / most['off']:.2f}x). Offered, by a Poisson "
        f"process for {SECONDS:.0f} s: {LOAD:.0%} of the first, then {LOAD:.0%} of the second, which is more than "
        f"can be done one at a time.\n\n{markdown_table(HEAD, rows)}"
    )


def capacity(config: EngineConfig) -> float:
    """Calls a second, when the next ones are always there."""
    with serving(config) as bench:
        bench.warm("bank", ACCOUNTS)
        return bench.closed(_calls(bench, [0.0] * CALLS), clients=TOGETHER).per_s


def at_load(config: EngineConfig, rate: float) -> Run:
    """So many calls a second, by chance."""
    with serving(config) as bench:
        bench.warm("bank", ACCOUNTS)
        return bench.open(_calls(bench, list(poisson(rate, SECONDS, seed=SEED))))


def row(name: str, offered: float, run: Run) -> tuple[str, ...]:
    """One arm as cells."""
    return (
        name,
        f"{offered:.0f}",
        f"{run.per_s:.0f}",
        f"{run.busy:.0%}",
        f"{run.together:.1f}",
        f"{run.quantile_ms(50):.1f}",
        f"{run.quantile_ms(99):.1f}",
    )


def _calls(bench: Bench, moments: Sequence[float]) -> list[Call]:
    return [bench.call(due_s, "bank", turn % ACCOUNTS) for turn, due_s in enumerate(moments)]
