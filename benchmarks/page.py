"""docs/benchmarks.md: every benchmark rewrites the section between its own marks."""

import os
import platform
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

import torch

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def write_section(name: str, body: str, *, page: Path = PAGE) -> None:
    """Replace what stands between a section's marks, or add the section at the end of the page."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    text = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    section = f"{begin}\n{body.strip()}\n{end}"
    if begin in text:
        before, _, rest = text.partition(begin)
        text = before + section + rest.partition(end)[2]
    else:
        text = f"{text.rstrip()}\n\n{section}\n"
    page.write_text(text, encoding="utf-8")


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are figures."""
    rule = ["---", *["--:"] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def machine(today: date, *, threads: int | None = None) -> str:
    """One line on where and when figures were taken; ``threads`` are those that computed, torch's own if None."""
    load, computing = os.getloadavg()[0], threads or torch.get_num_threads()
    return (
        f"{today.isoformat()}. {_processor()}, {os.cpu_count()} cores, {computing} torch threads, "
        f"load before the run {load:.1f}; torch {version('torch')}, transformers {version('transformers')}, "
        f"Python {platform.python_version()}."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
