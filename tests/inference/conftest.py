"""The library, compiled once for all runs, as a checkpoint's loading would."""

import ctypes

import pytest

from inference.native.build import Unavailable, default_folder
from inference.native.library import open_library


@pytest.fixture(scope="session")
def library() -> ctypes.CDLL:
    try:
        return open_library(default_folder())
    except Unavailable as reason:
        pytest.skip(f"no native kernels here: {reason}")
