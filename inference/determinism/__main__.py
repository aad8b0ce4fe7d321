"""``python -m inference.determinism FOLDER``: does this checkpoint keep its bits on this machine?"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from inference.api import CheckpointRefused, ModelRef, Precision
from inference.checkpoints import LoadedModel, load_checkpoint
from inference.config import EngineConfig
from inference.determinism import Finding, differences, draw_requests

SAME, DIFFERENT, REFUSED = 0, 1, 2
NAME = "verified"
SEED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Verify, and say how it went as it goes. Returns 1 where bits differ, 2 if the checkpoint is refused."""
    options = _options(argv)
    config = EngineConfig(
        precision=Precision(options.precision), threads=1, memory_mb=options.memory_mb, salt_key=bytes(32)
    )

    def load(wanted: EngineConfig) -> LoadedModel:
        return load_checkpoint(options.folder, name=NAME, config=wanted)

    try:
        loaded = load(config)
        requests = draw_requests(
            model=NAME,
            vocabulary=int(loaded.model.config.vocab_size),
            schema=loaded.schema,
            window=loaded.window,
            count=options.requests,
            seed=SEED,
        )
    except (CheckpointRefused, ValueError) as refused:
        sys.stderr.write(f"{refused}\n")
        return REFUSED
    say(f"{options.folder.name}: {described(loaded.ref)}, {len(requests)} requests")
    del loaded
    began = time.monotonic()

    def tell(way: str) -> None:
        say(f"  {time.monotonic() - began:6.1f} s  {way} ...")

    findings = []
    for finding in differences(load, requests, config, tell=tell):
        say(f"  {time.monotonic() - began:6.1f} s  {verdict(finding)}")
        findings.append(finding)
    return conclude(findings)


def described(ref: ModelRef) -> str:
    """Digest, precision and kernel set."""
    return f"digest {ref.digest[:12]}, {ref.precision}, kernels {ref.kernels}"


def verdict(finding: Finding) -> str:
    """One line about one way of asking."""
    again = f", {finding.preemptions} begun again" if finding.preemptions else ""
    if not finding.differing:
        return f"{finding.way}: {finding.compared} answers{again}, every bit the same"
    return (
        f"{finding.way}: {finding.differing} of {finding.compared} answers{again} DIFFER, by up to "
        f"{finding.largest:.2g}; first request {finding.first}"
    )


def conclude(findings: Sequence[Finding]) -> int:
    """Say what it comes to; returns the exit status."""
    differing = [finding for finding in findings if finding.differing]
    if not differing:
        say(f"Same bits in {sum(finding.compared for finding in findings)} answers, {len(findings)} ways.")
        return SAME
    worst = max(differing, key=lambda finding: finding.largest)
    say(f"Bits differ in {len(differing)} of {len(findings)} ways; first request {worst.first} ({worst.way}).")
    return DIFFERENT


def say(line: str) -> None:
    """To standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _options(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m inference.determinism", description=__doc__)
    parser.add_argument("folder", type=Path, help="a checkpoint folder")
    parser.add_argument("--requests", type=int, default=24)
    parser.add_argument("--precision", choices=[str(precision) for precision in Precision], default="int8")
    parser.add_argument("--memory-mb", type=int, default=1024, help="for weights and cache; at least one window")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
