"""How calls went. Labels name methods and status codes, never callers."""

from prometheus_client import REGISTRY, Gauge, Histogram

from apps.common.metrics import SECONDS

CALL_SECONDS = Histogram(
    "rpc_server_call_duration_seconds",
    "Time to answer a gRPC call, a stream to its end, by method and status code.",
    ("method", "code"),
    buckets=(*SECONDS, 60.0),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge(
    "assay_rpc_in_flight",
    "gRPC calls that were let in and are being answered.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
