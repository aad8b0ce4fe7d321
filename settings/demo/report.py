"""What the demo shows at its end, and whether it went well."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import quantiles
from typing import Any

from django.utils.translation import gettext as _
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table

from riskscore.anomalies import AnomalyType
from riskscore.outcomes import Outcome
from settings.demo.traffic import Answer

ENOUGH = 200
MOST_DEGRADED = 0.05  # of all answers; more means that the model did not do the work
BAR_WIDTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Answers of one run and the seconds they took together."""

    answers: Sequence[Answer]
    wall_s: float

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

    def latencies_ms(self) -> tuple[float, float, float]:
        """p50, p95 and p99 of what a client waited."""
        cuts = quantiles([answer.latency_ms for answer in self.answers], n=100, method="inclusive")
        return cuts[49], cuts[94], cuts[98]


def show(console: Console, results: Results) -> None:
    """Print the tables."""
    console.print(Panel(Group(_summary(results), _outcomes(results)), title=_("Results"), expand=False))
    console.print(_anomalies(results))
    console.print(_scores(results))


def _summary(results: Results) -> RenderableType:
    usage = [document["usage"] for document in results.documents if document["usage"]]
    total = sum(each["positions_total"] for each in usage)
    cached = sum(each["positions_cached"] for each in usage)
    p50, p95, p99 = results.latencies_ms()
    table = Table.grid(padding=(0, 2))
    for name, value in (
        (_("Assessments over REST"), f"{len(results.documents)}"),
        (_("Degraded (rules alone)"), f"{results.degraded}"),
        (_("Latency p50 / p95 / p99"), f"{p50:.0f} / {p95:.0f} / {p99:.0f} ms"),
        (_("Throughput"), _("%(rate).1f a second") % {"rate": len(results.answers) / results.wall_s}),
        (_("Positions read"), f"{total:,}"),
        (_("Positions from the cache"), f"{cached:,} ({100 * cached / max(total, 1):.0f} %)"),
    ):
        table.add_row(name, f"[bold]{value}[/]")
    return table


def _outcomes(results: Results) -> Table:
    table = Table(title=_("Decisions"), title_justify="left")
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
    table = Table(title=_("Anomaly types: planted, and how they were answered"), title_justify="left")
    for heading in (_("Planted"), _("Events"), _("Stopped or reviewed"), _("Type named"), _("Most often named")):
        table.add_column(heading, justify="left" if heading in (_("Planted"), _("Most often named")) else "right")
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
    """Calibrated scores in tenths, honest and fraudulent apart."""
    table = Table(title=_("Scores"), title_justify="left")
    table.add_column(_("Score"))
    table.add_column(_("Honest"))
    table.add_column(_("Fraudulent"))
    bins = Counter(
        (min(int(10 * answer.document["score"]), 9), answer.planted is AnomalyType.NONE)
        for answer in results.answers
        if answer.document.get("score") is not None
    )
    longest = max(bins.values(), default=1)
    for tenth in range(10):
        bars = [_bar(bins[tenth, is_honest], longest) for is_honest in (True, False)]
        table.add_row(f"{tenth / 10:.1f}–{(tenth + 1) / 10:.1f}", *bars)
    return table


def _bar(count: int, longest: int) -> str:
    return f"{'█' * round(BAR_WIDTH * count / longest)} {count}" if count else ""
