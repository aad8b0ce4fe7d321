"""Only the engine's thread owns a pool of workers."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from inference.engine import EngineCore
from inference.threads import one_thread
from tests.checkpoints import config, load, make_qwen3


@pytest.fixture
def fresh_thread():
    """A thread that has never computed, so that it owns no pool yet."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool


def processes_threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def test_the_number_of_threads_is_put_back():
    before = torch.get_num_threads()

    with one_thread():
        assert torch.get_num_threads() == 1

    assert torch.get_num_threads() == before


def test_loading_a_checkpoint_leaves_no_workers_behind(fresh_thread, tmp_path):
    path = make_qwen3(tmp_path)
    fresh_thread.submit(torch.set_num_threads, 2).result()
    before = processes_threads()

    loaded = fresh_thread.submit(load, path).result()
    fresh_thread.submit(EngineCore, [loaded], config(memory_mb=64, threads=2)).result()

    assert processes_threads() == before
