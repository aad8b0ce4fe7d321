"""The table of docs/benchmarks.md, from what each workload's last race left behind."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.page import markdown_table
from benchmarks.peers.race import Standing, aimed
from benchmarks.peers.roster import ASSAY, FOLDER
from benchmarks.peers.workloads import WORKLOADS, Workload

RESULTS = FOLDER / "results"
HEAD = ("entrant", "setting", "per second", "Assay is", "aim", "equal top labels", "peak MB")
INTRODUCTION = (
    "Everybody has the same checkpoint (random weights), the same prompts and two threads; each in a process of its "
    "own that stands still while another is timed. Peers are given the fastest of the settings that were tried "
    "(`benchmarks/peers/entrants`), Assay its defaults. Before the clock starts, top labels are compared with "
    "float32's, and must be equal wherever float32 is clear by two logits (labels are 18 apart on average). Rounds "
    "are interleaved, prompts new in every round; *Assay is* gives the median over rounds of the ratio within a "
    "round. Peers without scoring generate one token; the labels' rows of the head are made long, so that it is a "
    "label. *Prefix kept*: plain forward passes whose shared prefix is kept by hand."
)


def save(workload: Workload, standings: Mapping[str, Standing], *, about: str, folder: Path = RESULTS) -> None:
    """Keep a workload's standings until the next race replaces them."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {"about": about, "standings": {name: asdict(standing) for name, standing in standings.items()}}
    (folder / f"{workload.name}.json").write_text(json.dumps(content, indent=2), encoding="utf-8")


def section(folder: Path = RESULTS) -> str:
    """Every workload that was raced so far, in the order of the table."""
    parts = [f"## Beside its peers\n\n{INTRODUCTION}"]
    for workload in WORKLOADS.values():
        file = folder / f"{workload.name}.json"
        if file.exists():
            parts.append(_part(workload, json.loads(file.read_text(encoding="utf-8"))))
    return "\n\n".join(parts)


def rows_of(workload: Workload, standings: Mapping[str, Standing]) -> list[tuple[str, ...]]:
    """A line per entrant, Assay first, then peers from the fastest on."""
    aims = {peer: aim for peer, aim, _ in aimed(workload, standings)}
    order = sorted(standings, key=lambda name: (name != ASSAY, -standings[name].per_s))
    return [_row(name, standings[name], aims.get(name)) for name in order]


def verdicts(workload: Workload, standings: Mapping[str, Standing]) -> list[str]:
    """What became of each aim, in a sentence."""
    return [
        f"Aim {aim:g}x {peer}: {ratio:.2f}x, {'reached' if ratio >= aim else 'missed'}."
        for peer, aim, ratio in aimed(workload, standings)
    ]


def _row(name: str, standing: Standing, aim: float | None) -> tuple[str, ...]:
    ours = name == ASSAY
    return (
        name,
        standing.setting,
        _figure(standing.per_s),
        "" if ours else f"{standing.ratio:.2f}x",
        "" if aim is None else f"{aim:g}x",
        f"{standing.agreement:.0%}",
        str(standing.peak_mb),
    )


def _part(workload: Workload, content: Mapping[str, Any]) -> str:
    standings = {name: Standing(**fields) for name, fields in content["standings"].items()}
    said: Sequence[str] = verdicts(workload, standings)
    computed = standings[ASSAY].computed if ASSAY in standings else None
    asked = workload.prompts * workload.length
    if computed is not None and computed < asked:
        said = [*said, f"Of {asked:,} positions asked about in a round, Assay computed {computed:,}."]
    return (
        f"**{workload.title[0].upper()}{workload.title[1:]}** ({workload.prompts} prompts at once, "
        f"{workload.unit} per second). {' '.join(said)}\n\n{content['about']}\n\n"
        f"{markdown_table(HEAD, rows_of(workload, standings))}"
    )


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
