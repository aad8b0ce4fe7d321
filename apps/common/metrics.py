"""Prometheus metrics of the web process. Labels name routes, kinds and statuses, never records.

An app declares its own metrics beside the code they measure, in `REGISTRY`.
"""

import os

from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Histogram, generate_latest, multiprocess

# Around the promises of 85 ms median and 120 ms at the 99th percentile.
SECONDS = (0.005, 0.01, 0.025, 0.05, 0.085, 0.12, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)

REQUEST_SECONDS = Histogram(
    "http_server_request_duration_seconds",
    "Time to answer a request, by route template.",
    ("method", "route", "status"),
    buckets=SECONDS,
    registry=REGISTRY,
)


def exposition(_request: HttpRequest) -> HttpResponse:
    """All metrics in Prometheus' text format; of all web processes where they share a metrics folder."""
    registry: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
