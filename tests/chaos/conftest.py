"""Each chaos test has an installation of its own."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.world import World


@pytest.fixture
def world() -> Iterator[World]:
    with tempfile.TemporaryDirectory(prefix="assay-chaos-", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder))
        yield world
        world.close()
