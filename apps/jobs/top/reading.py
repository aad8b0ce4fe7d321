"""A worker's ``/metrics`` at one moment, and what happened between two."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

Labels = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Every sample of one scrape.

    Attributes:
        at_s: when it was taken, on any clock that only goes forward.
    """

    at_s: float
    samples: dict[tuple[str, Labels], float]

    @classmethod
    def parse(cls, text: str, *, at_s: float) -> Self:
        """Read Prometheus's text format. Raises ValueError if it is none."""
        samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }
        return cls(at_s=at_s, samples=samples)

    def named(self, name: str, **labels: str) -> Iterator[tuple[Labels, float]]:
        """Samples of a name that carry all those labels."""
        wanted = labels.items()
        return (
            (carried, value)
            for (found, carried), value in self.samples.items()
            if found == name and wanted <= dict(carried).items()
        )

    def total(self, name: str, **labels: str) -> float:
        """Their sum; 0 if there are none."""
        return sum(value for _, value in self.named(name, **labels))

    def values_of(self, label: str, name: str) -> list[str]:
        """What a label says in a metric's samples, sorted."""
        return sorted({dict(carried)[label] for carried, _ in self.named(name) if label in dict(carried)})


@dataclass(frozen=True, slots=True)
class Span:
    """Between two readings of one worker. A counter that went back began again at zero."""

    before: Reading
    after: Reading

    def grown(self, name: str, **labels: str) -> float:
        """By how much a counter grew."""
        now, then = self.after.total(name, **labels), self.before.total(name, **labels)
        return now - then if now >= then else now

    def rate(self, name: str, **labels: str) -> float:
        """Growth a second."""
        return self.grown(name, **labels) / max(1e-9, self.after.at_s - self.before.at_s)

    def mean(self, name: str, **labels: str) -> float | None:
        """Of what a histogram observed in between; of all it ever did if nothing came; None if it never did."""
        for count, total in (
            (self.grown(f"{name}_count", **labels), self.grown(f"{name}_sum", **labels)),
            (self.after.total(f"{name}_count", **labels), self.after.total(f"{name}_sum", **labels)),
        ):
            if count:
                return total / count
        return None

    def quantile(self, share: float, name: str, **labels: str) -> float | None:
        """Of the same, as Prometheus estimates it: evenly spread within a bucket."""
        fresh = self._buckets(name, labels, grown=self.grown(f"{name}_count", **labels) > 0)
        return quantile(share, fresh)

    def _buckets(self, name: str, labels: dict[str, str], *, grown: bool) -> list[tuple[float, float]]:
        bounds = self.after.values_of("le", f"{name}_bucket")
        count = self.grown if grown else self.after.total
        return sorted((float(le), count(f"{name}_bucket", **labels, le=le)) for le in bounds)


def quantile(share: float, buckets: list[tuple[float, float]]) -> float | None:
    """Estimate a quantile from cumulative buckets (upper bound, count), ascending, the last bound infinite.

    >>> quantile(0.5, [(0.1, 0.0), (0.2, 10.0), (math.inf, 10.0)])
    0.15000000000000002
    >>> quantile(0.99, [(0.1, 1.0), (math.inf, 2.0)])
    0.1
    """
    if not buckets or not buckets[-1][1]:
        return None
    rank = share * buckets[-1][1]
    for (low, below), (high, upto) in pairwise([(0.0, 0.0), *buckets]):
        if upto >= rank and upto > below:
            return low if math.isinf(high) else low + (high - low) * (rank - below) / (upto - below)
    return None
