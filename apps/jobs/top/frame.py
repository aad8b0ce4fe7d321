"""One frame: a line for each worker, and one for each model it serves."""

from dataclasses import dataclass

from apps.jobs.top.reading import Span

LATENCY = "inference_latency_seconds"
GENERATION = "assay_e2e_request_latency_seconds"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLine:
    """How one worker stands.

    Attributes:
        busy: share of the last seconds spent in steps, 0-1.
        kv_usage: share of blocks that requests hold, 0-1.
        backlog: open jobs in the table, of all workers together.
    """

    worker: str
    running: int
    waiting: int
    busy: float
    kv_usage: float
    backlog: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelLine:
    """What one model did between two readings; None where it never did such a thing.

    Attributes:
        fill: share of the steps' budgets in use, 0-1.
        hit_rate: share of positions read from the cache or shared within a step, 0-1.
        tokens_per_s: positions computed and tokens generated.
        shed, missed, preempted: requests, since the worker began.
    """

    worker: str
    model: str
    requests_per_s: float
    tokens_per_s: float
    generated_per_s: float
    p50_ms: float | None
    p99_ms: float | None
    first_token_ms: float | None
    per_token_ms: float | None
    fill: float | None
    hit_rate: float | None
    budget: int
    shed: int
    missed: int
    preempted: int


def worker_line(worker: str, span: Span) -> WorkerLine:
    """Read a worker's own line."""
    after = span.after
    return WorkerLine(
        worker=worker,
        running=int(after.total("assay_num_requests_running")),
        waiting=int(after.total("assay_num_requests_waiting")),
        busy=after.total("gpu_utilization"),
        kv_usage=after.total("assay_kv_cache_usage_perc"),
        backlog=int(after.total("inference_backlog")),
    )


def model_lines(worker: str, span: Span) -> list[ModelLine]:
    """Read the lines of its models, those that ever made a step."""
    models = span.after.values_of("model_name", "assay_iteration_tokens_total_count")
    return [_model_line(worker, model, span) for model in models]


def _model_line(worker: str, model: str, span: Span) -> ModelLine:
    def so_far(name: str) -> int:
        return int(span.after.total(name, model_name=model))

    scored = bool(span.after.total(f"{LATENCY}_count", model_name=model))
    latency = LATENCY if scored else GENERATION
    return ModelLine(
        worker=worker,
        model=model,
        requests_per_s=span.rate("assay_request_success_total", model_name=model),
        tokens_per_s=span.rate("assay_iteration_tokens_total_sum", model_name=model),
        generated_per_s=span.rate("assay_generation_tokens_total", model_name=model),
        p50_ms=_ms(span.quantile(0.5, latency, model_name=model)),
        p99_ms=_ms(span.quantile(0.99, latency, model_name=model)),
        first_token_ms=_ms(span.mean("assay_time_to_first_token_seconds", model_name=model)),
        per_token_ms=_ms(span.mean("assay_time_per_output_token_seconds", model_name=model)),
        fill=span.mean("assay_batch_fill", model_name=model),
        hit_rate=_hit_rate(span, model),
        budget=so_far("assay_token_budget"),
        shed=so_far("assay_shed_total"),
        missed=so_far("assay_deadline_missed_total"),
        preempted=so_far("assay_num_preemptions_total"),
    )


def _hit_rate(span: Span, model: str) -> float | None:
    def found(count: str) -> float:
        return span.grown(count, model_name=model) or span.after.total(count, model_name=model)

    asked = found("assay_prefix_cache_queries_total")
    if not asked:
        return None
    if span.grown("assay_prefix_cache_queries_total", model_name=model):
        hits = span.grown("assay_prefix_cache_hits_total", model_name=model)
        return (hits + span.grown("assay_prefix_cache_shared_total", model_name=model)) / asked
    hits = span.after.total("assay_prefix_cache_hits_total", model_name=model)
    return (hits + span.after.total("assay_prefix_cache_shared_total", model_name=model)) / asked


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else 1000.0 * seconds
