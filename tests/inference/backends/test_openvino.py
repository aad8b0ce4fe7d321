"""What a compiled graph is refused for, and what it does not tell anybody."""

import sys

import pytest

from inference.api import Precision
from inference.backends.base import BackendRefused
from inference.backends.openvino import load_compiled
from tests.checkpoints import config
from tests.inference.engine.requests import ask, tokens


def test_a_precision_that_is_not_computed_in_is_refused(qwen3):
    with pytest.raises(BackendRefused, match="ASSAY_ENGINE_PRECISION"):
        load_compiled(qwen3, name="tiny", config=config(Precision.INT8))


def test_without_openvino_a_hint_says_what_to_install(qwen3, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)

    with pytest.raises(BackendRefused, match=r"requirements/openvino\.txt"):
        load_compiled(qwen3, name="tiny", config=config(Precision.FP32))


def test_nothing_is_reported_to_its_maker(start):
    with start("openvino") as case:
        case.backend.submit(ask(tokens(3, seed=1))).result(timeout=60)

    assert sys.modules["openvino_telemetry"] is None


def test_a_result_names_the_version_that_computed_it(start):
    with start("openvino") as case:
        ref = case.backend.served("tiny").ref

    assert ref.kernels.startswith("openvino-20")
    assert ref.precision is Precision.FP32
