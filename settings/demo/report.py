"""What the demo shows at its end, and whether it went well."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import quantiles
from typing import Any

from django.utils.translation import gettext as _
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from riskscore.anomalies import AnomalyType
from riskscore.outcomes import Outcome
from settings.demo.traffic import CLIENTS, Answer

ENOUGH = 200
MOST_DEGRADED = 0.05  # of all answers; more means that the model did not do the work
BAR_WIDTH = 26
SCORE_EDGES = (0.01, 0.05, 0.1, 0.2, 0.5, 0.9)  # fraud is rare, so most of a scale in tenths would stay empty


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What one run brought.

    Attributes:
        together: answers to clients that asked at once.
        wall_s: the seconds those took together.
        alone: answers to one client, when nobody else asked.
    """

    together: Sequence[Answer]
    wall_s: float
    alone: Sequence[Answer]

    @property
    def answers(self) -> list[Answer]:
        """Every answer."""
        return [*self.together, *self.alone]

    @property
    def documents(self) -> list[dict[str, Any]]:
        """Assessments that were completed."""
        return [answer.document for answer in self.answers if answer.document.get("status") == "completed"]

    @property
    def degraded(self) -> int:
        """Answers by the rules alone."""
        return sum(document["degraded"] for document in self.documents)

    def problems(self) -> list[str]:
        """Why this run does not count as a success; empty if it does."""
        scored = len(self.documents) - self.degraded
        found = Counter(answer.failure for answer in self.answers if answer.failure)
        reasons = [f"{count} × {failure}" for failure, count in found.most_common(3)]
        unfinished = len(self.answers) - len(self.documents) - sum(found.values())
        if unfinished:
            reasons.append(_("%(count)d assessments were not completed.") % {"count": unfinished})
        if scored < ENOUGH:
            reasons.append(_("Only %(count)d assessments were scored.") % {"count": scored})
        if self.degraded > MOST_DEGRADED * len(self.answers):
            reasons.append(_("%(count)d answers came from the rules alone.") % {"count": self.degraded})
        return reasons


def latencies(answers: Sequence[Answer]) -> str:
    """p50, p95 and p99 of what clients waited, in words."""
    cuts = quantiles([answer.latency_ms for answer in answers], n=100, method="inclusive")
    return f"{cuts[49]:.0f} / {cuts[94]:.0f} / {cuts[98]:.0f} ms"


def show(console: Console, results: Results) -> None:
    """Print the tables."""
    console.print(Panel(Group(_summary(results), _outcomes(results)), title=_("Results"), expand=False))
    console.print(_anomalies(results))
    console.print(_scores(results))


def _summary(results: Results) -> RenderableType:
    usage = [document["usage"] for document in results.documents if document["usage"]]
    total = sum(each["positions_total"] for each in usage)
    cached = sum(each["positions_cached"] for each in usage)
    table = Table.grid(padding=(0, 2))
    for name, value in (
        (_("Assessments over REST"), f"{len(results.documents)}"),
        (_("Degraded (rules alone)"), f"{results.degraded}"),
        (_("Latency p50 / p95 / p99, %(count)d clients at once") % {"count": CLIENTS}, latencies(results.together)),
        (_("Latency p50 / p95 / p99, one client alone"), latencies(results.alone)),
        (_("Throughput"), _("%(rate).1f a second") % {"rate": len(results.together) / results.wall_s}),
        (_("Positions read"), f"{total:,}"),
        (_("Positions from the cache"), f"{cached:,} ({100 * cached / max(total, 1):.0f} %)"),
    ):
        table.add_row(name, f"[bold]{value}[/]")
    return table


def _outcomes(results: Results) -> Table:
    table = Table(title=_("Decisions"), title_justify="left", box=SIMPLE_HEAD)
    table.add_column(_("Outcome"))
    table.add_column(_("Honest"), justify="right")
    table.add_column(_("Fraudulent"), justify="right")
    counts = Counter(
        (answer.document["outcome"], answer.planted is AnomalyType.NONE)
        for answer in results.answers
        if answer.document.get("outcome")
    )
    for outcome in Outcome:
        table.add_row(outcome.value, str(counts[outcome.value, True]), str(counts[outcome.value, False]))
    return table


def _anomalies(results: Results) -> Table:
    """Planted types against what was named for them."""
    table = Table(title=_("Anomaly types: planted, and how they were answered"), title_justify="left", box=SIMPLE_HEAD)
    table.add_column(_("Planted"), no_wrap=True)
    for heading in (_("Events"), _("Not approved"), _("Type found")):
        table.add_column(heading, justify="right")
    table.add_column(_("Most often named"), no_wrap=True)
    for kind in AnomalyType:
        of_kind = [a.document for a in results.answers if a.planted is kind and a.document.get("anomaly")]
        if not of_kind:
            continue
        named = Counter(document["anomaly"]["type"] for document in of_kind)
        stopped = sum(document["outcome"] != Outcome.APPROVE for document in of_kind)
        most = named.most_common(1)[0][0]
        table.add_row(kind.value, str(len(of_kind)), str(stopped), str(named[kind.value]), most)
    return table


def _scores(results: Results) -> Table:
    """Calibrated scores, honest and fraudulent apart."""
    table = Table(title=_("Scores"), title_justify="left", box=SIMPLE_HEAD)
    table.add_column(_("Score"))
    table.add_column(_("Honest"))
    table.add_column(_("Fraudulent"))
    bins = Counter(
        (bisect_right(SCORE_EDGES, answer.document["score"]), answer.planted is AnomalyType.NONE)
        for answer in results.answers
        if answer.document.get("score") is not None
    )
    longest = max(bins.values(), default=1)
    for number, (low, high) in enumerate(pairwise([0.0, *SCORE_EDGES, 1.0])):
        bars = [_bar(bins[number, is_honest], longest) for is_honest in (True, False)]
        table.add_row(f"{low:.2f}–{high:.2f}", *bars)
    return table


def _bar(count: int, longest: int) -> str:
    return f"{'█' * round(BAR_WIDTH * count / longest)} {count}" if count else ""
