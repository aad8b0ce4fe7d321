"""``make bench-serving``: batching, the token budget, a noisy institution and a second worker, on the shipped model."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

import torch
from rich.console import Console
from rich.markdown import Markdown

from benchmarks.page import machine, write_section
from benchmarks.serving import batching, budget, tenants, workers
from inference.config import EngineConfig

PARTS = {"batching": batching, "budget": budget, "tenants": tenants, "workers": workers}


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print and write one section for each part."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    options = parser.parse_args(argv)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # of this thread: the engine's computes
    config = EngineConfig(threads=threads, memory_mb=1024, salt_key=bytes(32), namespace_quota=1.0)
    for name in options.only:
        about = machine(datetime.now(UTC).date(), threads=threads)
        body = PARTS[name].section(config)
        Console().print(Markdown(body))
        write_section(f"serving-{name}", f"{body}\n\n{about} `make bench-serving`, shipped risk model, INT8.")


if __name__ == "__main__":
    main()
