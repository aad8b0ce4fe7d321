"""What dashboards for OpenTelemetry's conventions and for the scheduler read."""

import pytest
from prometheus_client import CollectorRegistry

from inference.api import FinishReason, GenerateResult, GenerateUsage
from inference.metrics.fan import all_metrics
from inference.metrics.scheduling import SchedulingMetrics
from tests.inference.test_metrics import RESULT, STEP

GENERATED = GenerateResult(
    request_id="g",
    tokens=tuple(range(11)),
    text="",
    finish_reason=FinishReason.LENGTH,
    logprobs=(),
    usage=GenerateUsage(prompt=300, cached=200, shared=0, computed=100, generated=11, drafted=4, accepted=3, forced=0),
    model=RESULT.model,
    queue_ms=5.0,
    first_token_ms=40.0,
    compute_ms=135.0,
)
SCORED = {"gen_ai_operation_name": "score", "gen_ai_provider_name": "assay", "gen_ai_request_model": "risk"}
COMPLETED = SCORED | {"gen_ai_operation_name": "text_completion"}


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_a_score_has_its_duration_and_its_input(registry):
    all_metrics(registry, device="cpu").on_result("risk", RESULT, 0.07)

    assert registry.get_sample_value("gen_ai_server_request_duration_seconds_sum", SCORED) == 0.07
    assert registry.get_sample_value("gen_ai_client_token_usage_sum", SCORED | {"gen_ai_token_type": "input"}) == 500
    assert registry.get_sample_value("inference_latency_seconds_sum", {"model_name": "risk"}) == 0.07


def test_a_generation_has_its_first_token_and_the_time_between(registry):
    all_metrics(registry, device="cpu").on_generated("risk", GENERATED, 0.14)

    assert registry.get_sample_value("gen_ai_server_request_duration_seconds_sum", COMPLETED) == 0.14
    assert registry.get_sample_value("gen_ai_client_token_usage_sum", COMPLETED | {"gen_ai_token_type": "output"}) == 11
    assert registry.get_sample_value("gen_ai_server_time_to_first_token_seconds_sum", COMPLETED) == 0.04
    per_token = registry.get_sample_value("gen_ai_server_time_per_output_token_seconds_sum", COMPLETED)
    assert per_token == pytest.approx(0.01)


def test_a_step_shows_its_fill_and_the_next_budget(registry):
    SchedulingMetrics(registry).on_step(STEP)

    risk = {"model_name": "risk"}
    assert registry.get_sample_value("assay_token_budget", risk) == 1064
    assert registry.get_sample_value("assay_batch_fill_sum", risk) == 0.7


def test_who_was_shed_is_not_who_was_late(registry):
    observer = SchedulingMetrics(registry)

    for code in ("shed", "shed", "deadline_exceeded", "cancelled"):
        observer.on_failure("risk", code)

    risk = {"model_name": "risk"}
    assert registry.get_sample_value("assay_shed_total", risk) == 2
    assert registry.get_sample_value("assay_deadline_missed_total", risk) == 1


def test_purged_blocks_are_counted(registry):
    all_metrics(registry, device="cpu").on_purge("risk", 12)

    assert registry.get_sample_value("assay_cache_purged_blocks_total", {"model_name": "risk"}) == 12
