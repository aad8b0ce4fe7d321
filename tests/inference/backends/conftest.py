"""Checkpoints of the backends, each loaded once."""

import pytest

from inference.api import Precision
from inference.backends.openvino import load_compiled
from tests.checkpoints import config, load
from tests.inference.backends import cases
from tests.inference.engine.conftest import checkpoints, qwen3

__all__ = ["checkpoints", "qwen3"]


@pytest.fixture(scope="session")
def plain(checkpoints):
    """The event checkpoint in float32, for its own forward pass."""
    return load(checkpoints["events"], Precision.FP32)


@pytest.fixture(scope="session")
def start(checkpoints, plain):
    """Starts a backend by its name, over the same checkpoint."""
    compiled = load_compiled(checkpoints["events"], name="tiny", config=config(Precision.FP32))
    makers = {
        "native": lambda name: cases.native(name, load(checkpoints["events"], Precision.FP32)),
        "native-int8": lambda name: cases.native(name, load(checkpoints["events"])),
        "openvino": lambda name: cases.openvino(name, compiled),
        "vllm": lambda name: cases.vllm(name, plain),
    }
    return lambda name: makers[name](name)


@pytest.fixture
def case(request, start):
    """The backend that a test is parametrised with."""
    with start(request.param) as started:
        yield started
