"""The project's own source, as text and as syntax."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

from settings.env import ROOT

ROOMS = ("settings", "apps", "riskscore", "clinical", "inference", "training", "benchmarks")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Path and syntax tree of every module but migrations and tests."""
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())


def kept_files() -> list[Path]:
    """Every file that git keeps or would keep; where there is no git, every file of ours."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    paths = [ROOT / name for name in listed.stdout.splitlines()]
    if listed.returncode != 0:
        paths = [
            path for room in (*ROOMS, "tests", "docs", "deploy", "requirements") for path in ROOT.glob(f"{room}/**/*")
        ]
    return [path for path in paths if path.is_file()]
