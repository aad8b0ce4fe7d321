"""Measure every entrant at every workload, and write what came out as a page and as JSON."""

import argparse
import gc
import json
import platform
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch

from benchmarks.gpu.entrants import entrants
from benchmarks.gpu.load import Figure, drive, figure, prompts, watched
from benchmarks.gpu.models import SHAPES
from benchmarks.page import markdown_table

TOTAL = 512  # tokens of a request
SHARES = (0, 256, 384)  # of them, the same in all requests
PROMPT = 128  # tokens that a generation goes on from
HEAD = ("entrant", "requests/s", "p50 ms", "p99 ms", "GPU busy")


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, print, and write where ``--out`` says."""
    options = _options(argv)
    device = torch.device(options.device)
    parts = [f"{_machine(device)}\n\n{options.clients} clients, {options.requests} requests each."]
    figures = []
    for shape in options.shapes:
        found, refused = measure(shape, device, options)
        figures += found
        parts += [f"**{shape}, {name}**\n\n{_table(found, name)}" for name in dict.fromkeys(f.workload for f in found)]
        parts += [f"{name}: {why}" for name, why in refused.items()]
    page = "\n\n".join(parts)
    print(page)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "gpu.md").write_text(page + "\n", encoding="utf-8")
        (options.out / "gpu.json").write_text(json.dumps([asdict(one) for one in figures], indent=1), encoding="utf-8")


def measure(shape: str, device: torch.device, options: argparse.Namespace) -> tuple[list[Figure], dict[str, str]]:
    """Figures of a shape, and why an entrant has none: a session on a GPU is not to end with the first that fails."""
    found, refused = [], {}
    for name, make in entrants(shape, device).items():
        if options.only and not any(part in name for part in options.only):
            continue
        try:
            found += _of_entrant(make(), shape, options)
        except Exception as error:  # noqa: BLE001 - the outermost edge of one entrant
            refused[name] = f"{type(error).__name__}: {error}"
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
    return found, refused


def _of_entrant(entrant: object, shape: str, options: argparse.Namespace) -> list[Figure]:
    ask, write, name, close = (getattr(entrant, part) for part in ("ask", "write", "name", "close"))
    jobs = [(f"score, {shared * 100 // TOTAL} % shared", ask, TOTAL, shared) for shared in SHARES]
    jobs.append((f"generate, {PROMPT} to {options.tokens}", partial(write, options.tokens), PROMPT, 0))
    found = []
    try:
        for seed, (workload, call, total, shared) in enumerate(jobs):
            amount, vocabulary = options.requests + options.clients, SHAPES[shape]["vocab_size"]
            lines = prompts(total, shared, amount, vocabulary=vocabulary, seed=seed)
            drive(call, lines[: options.clients], clients=options.clients)  # kernels are chosen, the prefix is read
            with watched() as busy:
                took_s, times = drive(call, lines[options.clients :], clients=options.clients)
            found.append(figure(name, workload, took_s, times, busy))
    finally:
        close()
    return found


def _table(figures: Sequence[Figure], workload: str) -> str:
    rows = [
        (
            one.entrant,
            f"{one.requests_per_s:.1f}",
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            "" if one.utilisation is None else f"{one.utilisation:.0f} %",
        )
        for one in figures
        if one.workload == workload
    ]
    return markdown_table(HEAD, rows)


def _machine(device: torch.device) -> str:
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return (
        f"{name}; torch {version('torch')}, transformers {version('transformers')}, Python {platform.python_version()}."
    )


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--shapes", nargs="+", default=["1.5b", "7b"], choices=sorted(SHAPES))
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--requests", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=64, help="that a generation writes")
    parser.add_argument("--only", nargs="+", help="entrants whose name holds one of these words")
    parser.add_argument("--out", type=Path, help="folder for gpu.md and gpu.json")
    parser.add_argument("--tiny", action="store_true", help="a shape of two layers and a handful of requests")
    options = parser.parse_args(argv)
    if options.tiny:
        options.shapes, options.clients, options.requests, options.tokens = ["tiny"], 2, 4, 4
    return options


if __name__ == "__main__":
    main()
