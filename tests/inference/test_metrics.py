"""What the engine tells becomes numbers under names that dashboards know."""

import subprocess
import sys

import pytest
from prometheus_client import CollectorRegistry

from inference.api import (
    Answer,
    EngineStats,
    FinishReason,
    GenerateResult,
    GenerateUsage,
    ModelRef,
    Precision,
    ScoreResult,
    Usage,
)
from inference.metrics import BusyShare, EngineObserver, StepReport
from inference.metrics.prometheus import EngineMetrics

RESULT = ScoreResult(
    request_id="r",
    answers=(Answer(question_id="q", logits=(1.0, 0.0), probabilities=(0.73, 0.27), label_mass=0.97),),
    usage=Usage(total=500, cached=400, shared=60, computed=40),
    model=ModelRef(name="risk", digest="0" * 64, precision=Precision.INT8, kernels="int_mm"),
    queue_ms=3.0,
    compute_ms=30.0,
)
GENERATED = GenerateResult(
    request_id="g",
    tokens=(1, 2, 3, 4, 5),
    text="",
    finish_reason=FinishReason.LENGTH,
    logprobs=(),
    usage=GenerateUsage(prompt=50, cached=32, shared=0, computed=18, generated=5, drafted=8, accepted=3, forced=1),
    model=RESULT.model,
    queue_ms=3.0,
    first_token_ms=30.0,
    compute_ms=67.0,
)
STEP = StepReport(
    model="risk",
    requests=3,
    positions=700,
    cached_positions=400,
    shared_positions=60,
    preemptions=2,
    budget=1000,
    next_budget=1064,
    duration_s=0.045,
    stats=EngineStats(running=3, waiting=5, blocks_free=60, blocks_cached=20, blocks_used=20),
)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


def test_an_answer_counts_its_positions_and_its_time(registry):
    observer: EngineObserver = EngineMetrics(registry)

    observer.on_result("risk", RESULT, 0.07)

    risk = {"model_name": "risk"}
    assert registry.get_sample_value("inference_latency_seconds_bucket", risk | {"le": "0.06"}) == 0
    assert registry.get_sample_value("inference_latency_seconds_bucket", risk | {"le": "0.085"}) == 1
    assert registry.get_sample_value("assay_request_queue_time_seconds_sum", risk) == pytest.approx(0.003)
    assert registry.get_sample_value("assay_request_inference_time_seconds_sum", risk) == pytest.approx(0.03)
    assert registry.get_sample_value("assay_prefix_cache_queries_total", risk) == 500
    assert registry.get_sample_value("assay_prefix_cache_hits_total", risk) == 400
    assert registry.get_sample_value("assay_prefix_cache_shared_total", risk) == 60
    assert registry.get_sample_value("assay_prompt_tokens_total", risk) == 40
    assert registry.get_sample_value("assay_label_mass_sum", risk) == pytest.approx(0.97)


def test_endings_are_counted_by_how(registry):
    observer = EngineMetrics(registry)

    observer.on_result("risk", RESULT, 0.07)
    observer.on_failure("risk", "deadline_exceeded")
    observer.on_failure("risk", "deadline_exceeded")

    reasons = {"model_name": "risk", "finished_reason": "answered"}
    assert registry.get_sample_value("assay_request_success_total", reasons) == 1
    reasons["finished_reason"] = "deadline_exceeded"
    assert registry.get_sample_value("assay_request_success_total", reasons) == 2


def test_a_generation_counts_its_tokens_and_the_time_between_them(registry):
    EngineMetrics(registry).on_generated("text", GENERATED, 0.07)

    text = {"model_name": "text"}
    ended = registry.get_sample_value("assay_request_success_total", text | {"finished_reason": "length"})
    assert ended == 1
    assert registry.get_sample_value("assay_time_to_first_token_seconds_sum", text) == pytest.approx(0.03)
    assert registry.get_sample_value("assay_time_per_output_token_seconds_sum", text) == pytest.approx(0.01)
    assert registry.get_sample_value("assay_generation_tokens_total", text) == 5
    assert registry.get_sample_value("assay_spec_decode_num_draft_tokens_total", text) == 8
    assert registry.get_sample_value("assay_spec_decode_num_accepted_tokens_total", text) == 3
    assert registry.get_sample_value("assay_forced_tokens_total", text) == 1
    assert registry.get_sample_value("assay_prefix_cache_hits_total", text) == 32
    assert registry.get_sample_value("inference_latency_seconds_count", text) is None


def test_a_step_shows_the_queue_and_the_cache(registry):
    EngineMetrics(registry).on_step(STEP)

    assert registry.get_sample_value("assay_num_requests_running") == 3
    assert registry.get_sample_value("assay_num_requests_waiting") == 5
    assert registry.get_sample_value("assay_kv_cache_usage_perc") == 0.2
    assert registry.get_sample_value("assay_num_preemptions_total", {"model_name": "risk"}) == 2
    assert registry.get_sample_value("assay_iteration_tokens_total_sum", {"model_name": "risk"}) == 700


def test_utilization_is_the_busy_share_and_falls_when_the_engine_rests(registry):
    clock = Clock()
    observer = EngineMetrics(registry, device="cpu", clock=clock)
    observer.on_step(STEP)

    clock.now += 10.0
    assert registry.get_sample_value("gpu_utilization", {"device": "cpu"}) == pytest.approx(0.003)
    clock.now += 10.0
    assert registry.get_sample_value("gpu_utilization", {"device": "cpu"}) == 0.0


def test_a_step_that_began_before_the_window_counts_with_its_part_inside():
    clock = Clock()
    busy = BusyShare(clock=clock, window_s=10.0)

    busy.add(8.0)
    clock.now += 5.0

    assert busy.share() == pytest.approx(0.5)


def test_two_engines_keep_registries_of_their_own():
    first, second = CollectorRegistry(), CollectorRegistry()
    EngineMetrics(first).on_failure("risk", "cancelled")
    EngineMetrics(second)

    labels = {"model_name": "risk", "finished_reason": "cancelled"}
    assert second.get_sample_value("assay_request_success_total", labels) is None


def test_metrics_need_no_torch():
    script = "import sys, inference.metrics; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
