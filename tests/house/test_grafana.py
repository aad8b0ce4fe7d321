"""The dashboard parses, and every metric it names is one that a worker shows."""

import json
import re

import pytest
from prometheus_client import CollectorRegistry

from apps.jobs.worker import BacklogCollector
from inference.metrics.fan import all_metrics
from settings.env import ROOT

BOARD = json.loads((ROOT / "deploy" / "grafana" / "assay-engine.json").read_text(encoding="utf-8"))
EXPRESSIONS = [target["expr"] for panel in BOARD["panels"] for target in panel["targets"]]
WORDS = {"histogram_quantile", "sum", "by", "rate", "le", "m"}
SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}


@pytest.fixture(scope="module")
def shown() -> set[str]:
    """Names on a worker's page."""
    registry = CollectorRegistry()
    all_metrics(registry, device="cpu")
    families = [*registry.collect(), *BacklogCollector().describe()]
    return {family.name + suffix for family in families for suffix in SUFFIXES.get(family.type, ())}


def test_every_panel_has_a_title_and_asks_something():
    assert len(BOARD["panels"]) == 12
    assert all(panel["title"] and panel["targets"] for panel in BOARD["panels"])
    assert len({panel["id"] for panel in BOARD["panels"]}) == 12


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_asked_for_is_shown(shown, expression):
    labels = {word for group in re.findall(r"by \(([^)]*)\)", expression) for word in group.split(", ")}
    names = set(re.findall(r"[a-z_]{2,}", expression)) - labels - WORDS

    assert names
    assert names <= shown
