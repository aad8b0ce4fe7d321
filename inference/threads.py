"""Who may compute in parallel: one thread of a process, the engine's own.

OpenMP gives every thread that computes in parallel a pool of workers. As soon as two pools together have
more threads than the machine has cores, GNU's runtime puts idle workers to sleep instead of letting them
wait awake, and every parallel region of either pool costs 100 us instead of 12 (2 cores, 2026-11-23): a
forward pass of 512 positions then takes several times its own.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on the calling thread alone, so that it never owns a pool; also a decorator."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
