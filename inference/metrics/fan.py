"""One observer that is several."""

from prometheus_client import CollectorRegistry

from inference.api import GenerateResult, ScoreResult
from inference.metrics.genai import GenAiMetrics
from inference.metrics.observer import EngineObserver, StepReport
from inference.metrics.prometheus import EngineMetrics
from inference.metrics.scheduling import SchedulingMetrics


class Observers(EngineObserver):
    """Tells each of several observers, in order."""

    def __init__(self, *observers: EngineObserver) -> None:
        self._observers = observers

    def on_step(self, report: StepReport) -> None:
        """A forward pass ended."""
        for observer in self._observers:
            observer.on_step(report)

    def on_result(self, model: str, result: ScoreResult, latency_s: float) -> None:
        """A request was answered."""
        for observer in self._observers:
            observer.on_result(model, result, latency_s)

    def on_generated(self, model: str, result: GenerateResult, latency_s: float) -> None:
        """A generation ended as it should."""
        for observer in self._observers:
            observer.on_generated(model, result, latency_s)

    def on_failure(self, model: str, code: str) -> None:
        """A request ended with an error."""
        for observer in self._observers:
            observer.on_failure(model, code)

    def on_purge(self, model: str, blocks: int) -> None:
        """A namespace was purged."""
        for observer in self._observers:
            observer.on_purge(model, blocks)


def all_metrics(registry: CollectorRegistry, *, device: str) -> EngineObserver:
    """Everything an inference worker shows, under vLLM's names, the article's and OpenTelemetry's."""
    return Observers(EngineMetrics(registry, device=device), SchedulingMetrics(registry), GenAiMetrics(registry))
