"""Counts for Prometheus how an engine schedules: its budget, whom it sheds, who was late, what was purged."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from inference.api import DeadlineExceeded, Shed
from inference.metrics.observer import EngineObserver, StepReport

TENTHS = tuple(tenth / 10 for tenth in range(1, 11))


class SchedulingMetrics(EngineObserver):
    """An `EngineObserver` for the names that vLLM has no word for."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str) -> Counter:
            return Counter(name, text, ("model_name",), registry=registry)

        self._budget = Gauge(
            "assay_token_budget", "Positions the next step may compute.", ("model_name",), registry=registry
        )
        self._fill = Histogram(
            "assay_batch_fill", "Share of a step's budget in use.", ("model_name",), buckets=TENTHS, registry=registry
        )
        self._shed = counter("assay_shed", "Requests refused because they were foreseen to be late.")
        self._missed = counter("assay_deadline_missed", "Requests whose deadline passed before their answer.")
        self._purged = counter("assay_cache_purged_blocks", "Cached blocks that a purge made the engine forget.")

    def on_step(self, report: StepReport) -> None:
        """A forward pass ended."""
        self._budget.labels(report.model).set(report.next_budget)
        self._fill.labels(report.model).observe(report.positions / max(1, report.budget))

    def on_failure(self, model: str, code: str) -> None:
        """A request ended with an error."""
        if code == Shed.code:
            self._shed.labels(model).inc()
        elif code == DeadlineExceeded.code:
            self._missed.labels(model).inc()

    def on_purge(self, model: str, blocks: int) -> None:
        """A namespace was purged."""
        self._purged.labels(model).inc(blocks)
