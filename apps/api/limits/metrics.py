"""How often a limit had to say no. Labels name reasons and routes, never institutions."""

from prometheus_client import REGISTRY, Counter, Gauge

REFUSED = Counter(
    "assay_requests_refused_total",
    "Requests refused by a limit, by reason and route template.",
    ("reason", "route"),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge(
    "assay_requests_in_flight",
    "Requests that the gate let in and that are being answered.",
    registry=REGISTRY,
    multiprocess_mode="livesum",
)
