"""Counts for Prometheus what an engine tells."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from inference.api import GenerateResult, GenerateUsage, ScoreResult, Usage
from inference.metrics.busy import UTILIZATION_WINDOW_S, BusyShare
from inference.metrics.observer import EngineObserver, StepReport

# Around the promises of 85 ms median and 120 ms at the 99th percentile.
LATENCY_S = (0.005, 0.01, 0.02, 0.04, 0.06, 0.085, 0.12, 0.2, 0.35, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
POSITIONS = (1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192)
TOKEN_S = (0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.5, 1.0)
SHARES = (0.5, 0.8, 0.9, 0.95, 0.99, 0.999, 1.0)


class EngineMetrics(EngineObserver):
    """An `EngineObserver` that counts for Prometheus.

    Names follow vLLM's, with ``assay_`` before them, so that its dashboards need one replacement;
    ``inference_latency_seconds`` and ``gpu_utilization`` are the names institutions alert on. Labels
    name models, devices and error codes, never a record.
    """

    def __init__(
        self, registry: CollectorRegistry, *, device: str = "cpu", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._busy = BusyShare(clock=clock)
        self._make_gauges(registry, device)
        self._make_request_metrics(registry)
        self._make_step_metrics(registry)
        self._make_generation_metrics(registry)

    def on_step(self, report: StepReport) -> None:
        """A forward pass ended."""
        stats = report.stats
        self._busy.add(report.duration_s)
        self._running.set(stats.running)
        self._waiting.set(stats.waiting)
        self._kv_usage.set(stats.blocks_used / max(1, stats.blocks_used + stats.blocks_cached + stats.blocks_free))
        self._preemptions.labels(report.model).inc(report.preemptions)
        self._step_positions.labels(report.model).observe(report.positions)
        self._step_seconds.labels(report.model).observe(report.duration_s)

    def on_result(self, model: str, result: ScoreResult, latency_s: float) -> None:
        """A request was answered."""
        self._latency.labels(model).observe(latency_s)
        self._finished.labels(model, "answered").inc()
        self._count_prompt(model, result, result.usage.total, result.usage)
        for answer in result.answers:
            self._label_mass.labels(model).observe(answer.label_mass)

    def on_generated(self, model: str, result: GenerateResult, latency_s: float) -> None:
        """A generation ended as it should."""
        usage = result.usage
        self._generation.labels(model).observe(latency_s)
        self._finished.labels(model, result.finish_reason.value).inc()
        self._count_prompt(model, result, usage.prompt, usage)
        self._first_token.labels(model).observe(result.first_token_ms / 1000.0)
        self._generated.labels(model).inc(usage.generated)
        self._drafted.labels(model).inc(usage.drafted)
        self._accepted.labels(model).inc(usage.accepted)
        self._forced.labels(model).inc(usage.forced)
        if usage.generated > 1:
            self._per_token.labels(model).observe((latency_s - result.first_token_ms / 1000.0) / (usage.generated - 1))

    def _count_prompt(
        self, model: str, result: ScoreResult | GenerateResult, total: int, usage: Usage | GenerateUsage
    ) -> None:
        self._queue.labels(model).observe(result.queue_ms / 1000.0)
        self._compute.labels(model).observe(result.compute_ms / 1000.0)
        self._request_positions.labels(model).observe(total)
        self._queried.labels(model).inc(total)
        self._hit.labels(model).inc(usage.cached)
        self._shared.labels(model).inc(usage.shared)
        self._computed.labels(model).inc(usage.computed)

    def on_failure(self, model: str, code: str) -> None:
        """A request ended with an error."""
        self._finished.labels(model, code).inc()

    def _make_gauges(self, registry: CollectorRegistry, device: str) -> None:
        self._running = Gauge("assay_num_requests_running", "Requests that hold blocks.", registry=registry)
        self._waiting = Gauge("assay_num_requests_waiting", "Requests that wait to begin.", registry=registry)
        self._kv_usage = Gauge("assay_kv_cache_usage_perc", "Share of blocks that requests hold.", registry=registry)
        utilization = Gauge(
            "gpu_utilization",
            f"Share of the last {UTILIZATION_WINDOW_S:.0f} s that the engine spent in steps, on any device.",
            ("device",),
            registry=registry,
        )
        utilization.labels(device).set_function(self._busy.share)

    def _make_request_metrics(self, registry: CollectorRegistry) -> None:
        def seconds(name: str, text: str) -> Histogram:
            return Histogram(name, text, ("model_name",), buckets=LATENCY_S, registry=registry)

        def positions(name: str, text: str) -> Counter:
            return Counter(name, text, ("model_name",), registry=registry)

        self._latency = seconds("inference_latency_seconds", "From a request's submission to its answer.")
        self._queue = seconds("assay_request_queue_time_seconds", "From submission to the first step.")
        self._compute = seconds("assay_request_inference_time_seconds", "From the first step to the answer.")
        self._queried = positions("assay_prefix_cache_queries", "Positions of answered requests.")
        self._hit = positions("assay_prefix_cache_hits", "Positions read from earlier requests' blocks.")
        self._shared = positions("assay_prefix_cache_shared", "Positions computed by another request of the step.")
        self._computed = positions("assay_prompt_tokens", "Positions computed for answered requests.")
        self._finished = Counter(
            "assay_request_success",
            "Requests that ended, by how.",
            ("model_name", "finished_reason"),
            registry=registry,
        )
        self._request_positions = Histogram(
            "assay_request_prompt_tokens",
            "Positions of a request.",
            ("model_name",),
            buckets=POSITIONS,
            registry=registry,
        )
        self._label_mass = Histogram(
            "assay_label_mass",
            "Probability that a question's labels hold.",
            ("model_name",),
            buckets=SHARES,
            registry=registry,
        )

    def _make_step_metrics(self, registry: CollectorRegistry) -> None:
        labels = ("model_name",)
        self._preemptions = Counter("assay_num_preemptions", "Requests that start again.", labels, registry=registry)
        self._step_positions = Histogram(
            "assay_iteration_tokens_total", "Positions of a step.", labels, buckets=POSITIONS, registry=registry
        )
        self._step_seconds = Histogram(
            "assay_iteration_seconds", "Duration of a step.", labels, buckets=LATENCY_S, registry=registry
        )

    def _make_generation_metrics(self, registry: CollectorRegistry) -> None:
        def seconds(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(name, text, ("model_name",), buckets=buckets, registry=registry)

        def tokens(name: str, text: str) -> Counter:
            return Counter(name, text, ("model_name",), registry=registry)

        self._generation = seconds(
            "assay_e2e_request_latency_seconds", "From a generation's submission to its end.", LATENCY_S
        )
        self._first_token = seconds(
            "assay_time_to_first_token_seconds", "From a generation's submission to its first token.", LATENCY_S
        )
        self._per_token = seconds(
            "assay_time_per_output_token_seconds", "Between two tokens of a generation, in the mean.", TOKEN_S
        )
        self._generated = tokens("assay_generation_tokens", "Tokens of finished generations.")
        self._drafted = tokens("assay_spec_decode_num_draft_tokens", "Tokens that were guessed and checked.")
        self._accepted = tokens("assay_spec_decode_num_accepted_tokens", "Guesses that were right.")
        self._forced = tokens("assay_forced_tokens", "Tokens that a constraint left no choice about.")
