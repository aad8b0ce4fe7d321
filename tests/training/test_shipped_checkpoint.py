"""The checkpoint that ships: sealed, readable, of this schema, and better than what it is compared with."""

import json
from pathlib import Path

import pytest

from inference.api import Precision
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from riskscore.encoding import SCHEMA
from riskscore.scoring import parse_calibration

FOLDER = Path(__file__).parents[2] / "checkpoints" / "risk-small"
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def metrics():
    return json.loads((FOLDER / "metrics.json").read_text())


def test_it_loads_and_reads_this_schema():
    config = EngineConfig(precision=Precision.FP32, threads=1, memory_mb=256, salt_key=bytes(32))

    loaded = load_checkpoint(FOLDER, name="risk", config=config)

    assert loaded.schema == SCHEMA
    assert loaded.window == 512
    assert loaded.event_encoder is not None


def test_it_is_small():
    assert (FOLDER / "model.safetensors").stat().st_size <= 16 * MEBIBYTE


def test_its_calibration_is_one():
    assert 0.001 < parse_calibration((FOLDER / "calibration.json").read_text()).prior < 0.05


@pytest.mark.parametrize("other", ["logistic_regression", "rules"])
def test_it_beats_what_it_is_compared_with(metrics, other):
    assert metrics["test"]["model"]["ap"] > metrics["test"][other]["ap"]
    assert metrics["test"]["model"]["auroc"] > metrics["test"][other]["auroc"]


def test_its_probabilities_are_honest(metrics):
    assert metrics["test"]["model"]["ece"] < 0.01


def test_its_card_prints_the_figures_of_its_metrics(metrics):
    card = (FOLDER / "README.md").read_text()

    assert f"| **risk-small** | {metrics['test']['model']['auroc']} | {metrics['test']['model']['ap']} |" in card
    assert metrics["run"]["command"] in card
