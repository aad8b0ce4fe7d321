"""What an engine away from the CPU is told, and what it refuses."""

import pytest

from inference.config import SparsePattern
from tests.checkpoints import config


def test_memory_is_measured_on_devices_alone():
    assert config(device="cuda", memory_mb=0).memory_mb == 0
    with pytest.raises(ValueError, match="memory_mb must be above zero"):
        config(memory_mb=0)


def test_a_sparse_pattern_is_for_a_cpu_alone():
    pattern = SparsePattern(sink=1, recent=2, stride=0)

    assert config(sparse=pattern).sparse == pattern
    with pytest.raises(ValueError, match="on a CPU alone"):
        config(device="cuda", sparse=pattern)
