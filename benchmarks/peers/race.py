"""One workload, raced: settle the settings, compare the answers, then time in interleaved rounds."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import median
from typing import Protocol

from benchmarks.peers.handle import EntrantError, Handle, Timed
from benchmarks.peers.roster import ASSAY, EXACT, EXACT_KEPT, ROSTER
from benchmarks.peers.work import Batch
from benchmarks.peers.workloads import BEST, Prompts, Workload

CLOSE = 2.0  # logits, of labels that are 18 apart on average; nearer, another precision may prefer the other label
CHECKED = 16


class DisagreementError(RuntimeError):
    """An entrant answers otherwise than float32, so that its time compares with nobody's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What one entrant did at one workload.

    Attributes:
        setting: the one that was fastest.
        per_s: median of the rounds, in the workload's unit.
        ratio: of Assay to it, the median over rounds.
        agreement: share of top labels equal to float32's.
        computed: positions through the model in one batch, where it tells.
    """

    setting: str
    per_s: float
    ratio: float
    agreement: float
    computed: int | None
    peak_mb: int


Say = Callable[[str], None]


class Asked(Protocol):
    """Somebody who answers a batch, such as a `Handle`."""

    def run(self, batch: Batch, /) -> Timed:
        """The answers, and the seconds they took."""


def race(workload: Workload, handles: Mapping[str, Handle], *, rounds: int, say: Say) -> dict[str, Standing]:
    """Everybody's standing. Entrants that fail at every setting are left out, and said so.

    Raises:
        DisagreementError: an entrant prefers another label where float32 is clear.
    """
    prompts = Prompts(workload, seed=7)
    settings = {name: _settle(workload, handle, prompts, say) for name, handle in handles.items()}
    taking_part = {name: handles[name] for name, setting in settings.items() if setting}
    agreement = check(taking_part, _first_tokens(prompts.take(CHECKED)))
    seconds: dict[str, list[float]] = {name: [] for name in taking_part}
    computed: dict[str, int | None] = {}
    peaks: dict[str, int] = {}
    names = list(taking_part)
    for turn in range(rounds):
        say(f"round {turn + 1} of {rounds}")
        batch, warm_up = prompts.take(), prompts.take(1)
        for place in range(len(names)):
            name = names[(turn + place) % len(names)]
            part = _part(batch, name)
            timed = taking_part[name].run(part, warm_up=warm_up)
            seconds[name].append(timed.seconds * len(batch.prompts) / len(part.prompts))
            computed[name], peaks[name] = timed.answers.computed, timed.peak_mb
    return {
        name: Standing(
            setting=settings[name],
            per_s=workload.units / median(found),
            ratio=median(theirs / ours for theirs, ours in zip(found, seconds[ASSAY], strict=True)),
            agreement=agreement[name],
            computed=computed[name],
            peak_mb=peaks[name],
        )
        for name, found in seconds.items()
    }


def check(handles: Mapping[str, Asked], batch: Batch) -> dict[str, float]:
    """Share of each entrant's labels that equal float32's.

    Raises:
        DisagreementError: one differs where float32 is clear by `CLOSE`.
    """
    exact = handles[next(name for name in (EXACT, EXACT_KEPT) if name in handles)].run(batch).answers
    assert exact.margins is not None
    shares = {}
    for name, handle in handles.items():
        found = handle.run(batch).answers.tokens
        same = [mine[0] == theirs[0] for mine, theirs in zip(found, exact.tokens, strict=True)]
        if any(not equal and margin > CLOSE for equal, margin in zip(same, exact.margins, strict=True)):
            raise DisagreementError(f"{name} prefers another label than float32 where that is clear")
        shares[name] = sum(same) / len(same)
    return shares


def aimed(workload: Workload, standings: Mapping[str, Standing]) -> list[tuple[str, float, float]]:
    """Peer, aim and ratio, for every aim of a workload whose peer took part."""
    peers = {name: standing.ratio for name, standing in standings.items() if name != ASSAY}
    peers[BEST] = min(peers.values(), default=math.nan)
    return [(peer, aim, peers[peer]) for peer, aim in workload.aims.items() if peer in peers]


def _settle(workload: Workload, handle: Handle, prompts: Prompts, say: Say) -> str:
    """The fastest setting, taken; empty if none works."""
    times: dict[str, float] = {}
    offered = handle.settings(workload.task)
    for setting in offered:
        say(f"{handle.name}, {setting}")
        try:
            handle.use(setting)
            handle.run(prompts.take(1))
            times[setting] = handle.run(_part(prompts.take(), handle.name)).seconds if len(offered) > 1 else 0.0
        except EntrantError as error:
            say(str(error))
    if not times:
        return ""
    best = min(times, key=lambda setting: times[setting])
    handle.use(best)
    handle.run(prompts.take(1))
    return best


def _part(batch: Batch, name: str) -> Batch:
    """As much of a batch as the entrant is given; questions about one record stay together."""
    if batch.task == "questions":
        return batch
    return replace(batch, prompts=batch.prompts[: max(1, round(len(batch.prompts) * ROSTER[name].share))])


def _first_tokens(batch: Batch) -> Batch:
    return replace(batch, task="score" if batch.task == "generate" else batch.task, new_tokens=1)
