"""A follower: ``python -m inference.distributed --rank=1 ...``, started by the process that leads it."""

import argparse
import logging
from pathlib import Path

import torch
from torch._C._distributed_c10d import FileStore

from inference.config import EngineConfig, Parallel
from inference.distributed.follower import Follower
from inference.distributed.links import Links, Place
from inference.team import TeamLost

LOST = 71  # exit status of a follower whose leader is gone


def main() -> int:
    """Meet the others and follow; returns the exit status."""
    options = _parser().parse_args()
    parallel = Parallel(tensor=options.tensor, pipeline=options.pipeline)
    # A follower divides no memory and makes no keys: the leader does both.
    config = EngineConfig(
        threads=options.threads, memory_mb=1, salt_key=bytes(16), device=options.device, parallel=parallel
    )
    torch.set_num_threads(options.threads)
    store = FileStore(str(options.meeting), parallel.world)
    try:
        links = Links(Place(rank=options.rank, parallel=parallel), store, timeout_s=options.timeout_s)
        Follower(links, config).follow()
    except TeamLost:
        logging.getLogger(__name__).warning("follower %d lost its leader", options.rank)
        return LOST
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m inference.distributed", description=__doc__)
    for name in ("rank", "tensor", "pipeline", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--timeout-s", type=float, required=True)
    parser.add_argument("--meeting", type=Path, required=True)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
