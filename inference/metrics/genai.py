"""The same facts under OpenTelemetry's names for generative AI, as Prometheus spells them.

Semantic conventions for GenAI metrics, status Development. A dot becomes an underscore and the unit a suffix:
``gen_ai.server.request.duration`` in seconds is ``gen_ai_server_request_duration_seconds``. Buckets are those the
conventions recommend. A request that failed has no duration here; see ``assay_request_success``.
"""

from prometheus_client import CollectorRegistry, Histogram

from inference.api import GenerateResult, ScoreResult
from inference.metrics.observer import EngineObserver

PROVIDER = "assay"
SCORE, COMPLETION = "score", "text_completion"  # the conventions have no word for scoring, and allow one's own
COMMON = ("gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model")
DURATION_S = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
FIRST_TOKEN_S = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
PER_TOKEN_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
TOKENS = tuple(4.0**power for power in range(14))


class GenAiMetrics(EngineObserver):
    """An `EngineObserver` that counts as OpenTelemetry's conventions say."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def histogram(name: str, text: str, buckets: tuple[float, ...], *more: str) -> Histogram:
            return Histogram(name, text, (*COMMON, *more), buckets=buckets, registry=registry)

        self._duration = histogram(
            "gen_ai_server_request_duration_seconds", "gen_ai.server.request.duration", DURATION_S
        )
        self._first_token = histogram(
            "gen_ai_server_time_to_first_token_seconds", "gen_ai.server.time_to_first_token", FIRST_TOKEN_S
        )
        self._per_token = histogram(
            "gen_ai_server_time_per_output_token_seconds", "gen_ai.server.time_per_output_token", PER_TOKEN_S
        )
        self._tokens = histogram("gen_ai_client_token_usage", "gen_ai.client.token.usage", TOKENS, "gen_ai_token_type")

    def on_result(self, model: str, result: ScoreResult, latency_s: float) -> None:
        """A request was answered: every position is input, nothing is output."""
        self._duration.labels(SCORE, PROVIDER, model).observe(latency_s)
        self._tokens.labels(SCORE, PROVIDER, model, "input").observe(result.usage.total)

    def on_generated(self, model: str, result: GenerateResult, latency_s: float) -> None:
        """A generation ended as it should."""
        labels, usage, first_s = (COMPLETION, PROVIDER, model), result.usage, result.first_token_ms / 1000.0
        self._duration.labels(*labels).observe(latency_s)
        self._tokens.labels(*labels, "input").observe(usage.prompt)
        self._tokens.labels(*labels, "output").observe(usage.generated)
        self._first_token.labels(*labels).observe(first_s)
        if usage.generated > 1:
            self._per_token.labels(*labels).observe((latency_s - first_s) / (usage.generated - 1))
