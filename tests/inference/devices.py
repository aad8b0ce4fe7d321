"""Where Triton's kernels can be run: on a GPU, or on a CPU by Triton's interpreter."""

import os
from importlib.util import find_spec

import pytest
import torch

CUDA = torch.cuda.is_available()
DEVICE = torch.device("cuda" if CUDA else "cpu")
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"

needs_triton = pytest.mark.skipif(
    find_spec("triton") is None or not (CUDA or INTERPRETED),
    reason="neither a GPU nor Triton's interpreter is at hand: `make test-triton` brings it",
)
needs_cuda = pytest.mark.skipif(not CUDA, reason="no GPU is at hand: `make test-gpu` runs these on one")
