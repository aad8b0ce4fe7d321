"""What no file that is kept may hold."""

import re

from settings.env import ROOT
from tests.architecture.source import kept_files

# One letter of each in brackets, so that this file passes its own test.
REGISTRIES = re.compile(r"python[h]osted\.|\bpypi[.]org|npm[j]s\.|download\.py[t]orch")
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:[w]ork|[r]oot|[h]ome|opt/[p]ypi)/\w")
LEFTOVERS = re.compile(r"\b(?:TO[D]O|FIX[M]E|X[X]X)\b")
TEXTS = {".py", ".md", ".txt", ".in", ".toml", ".yml", ".yaml", ".json", ".sh", ".svg", "", ".po"}


def hits(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern occurs in kept text files, but for licences."""
    found = []
    for path in kept_files():
        if path.suffix in TEXTS and path.name != "LICENSE":
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1):
                if pattern.search(line):
                    found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    return found


def test_no_file_names_a_package_registry():
    assert hits(REGISTRIES) == []


def test_no_file_names_a_folder_of_somebodys_machine():
    assert hits(MACHINE_PATHS) == []


def test_nothing_is_left_for_later():
    assert hits(LEFTOVERS) == []


def test_no_environment_or_data_is_kept():
    kept = {path.relative_to(ROOT).parts[0] for path in kept_files()}

    assert kept & {".venv", "var", ".env", "node_modules"} == set()
