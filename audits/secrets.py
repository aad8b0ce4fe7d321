"""Secrets in every version of every file, the ones not committed yet included: `make audit-secrets`.

What looks like one and is none stands in `.secrets.baseline`, in detect-secrets' own format; its values are hashes.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from detect_secrets.core.scan import scan_file
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ".secrets.baseline"
BINARY = {".safetensors", ".png", ".ico", ".mo"}
LARGEST_BYTES = 2_000_000


@dataclass(frozen=True, slots=True, order=True)
class Suspect:
    """Something that looks like a secret, by the hash of what it is."""

    path: str
    kind: str
    hashed: str


def versions(repository: Path) -> Iterator[tuple[str, bytes]]:
    """Path and content of each version of each text file, from the first commit to what is not committed yet."""
    listed = _git(repository, "rev-list", "--objects", "HEAD").decode().splitlines()
    named = [line.partition(" ") for line in listed if " " in line]
    wanted = {blob: path for blob, _, path in named if path and Path(path).suffix not in BINARY}
    batch = _git(repository, "cat-file", "--batch", given="\n".join(wanted).encode())
    yield from _blobs(batch, wanted)
    for path in _git(repository, "ls-files", "-m", "-o", "--exclude-standard").decode().splitlines():
        if Path(path).suffix not in BINARY and (repository / path).is_file():
            yield path, (repository / path).read_bytes()


def suspects(repository: Path, *, settings: dict[str, object]) -> set[Suspect]:
    """Everything that looks like a secret, but for the baseline itself."""
    found = set()
    with tempfile.TemporaryDirectory() as folder, transient_settings(settings):
        for path, content in versions(repository):
            if path == BASELINE or len(content) > LARGEST_BYTES or b"\0" in content[:8000]:
                continue
            copy = Path(folder) / path
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
            found |= {Suspect(path, secret.type, secret.secret_hash) for secret in scan_file(str(copy))}
    return found


def main() -> int:
    """List what is not in the baseline, or with `--update` put it there. 1 if there was any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--update", action="store_true", help="take what is found now for harmless; look at it first")
    update = parser.parse_args().update
    baseline = json.loads((ROOT / BASELINE).read_text())
    known = {entry["hashed_secret"] for entries in baseline["results"].values() for entry in entries}
    found = suspects(ROOT, settings={name: baseline[name] for name in ("plugins_used", "filters_used")})
    fresh = sorted(suspect for suspect in found if suspect.hashed not in known)
    for suspect in fresh:
        print(f"{suspect.path}: {suspect.kind}")
    print(f"{len(found)} suspects in all versions of all files, {len(fresh)} of them not in {BASELINE}")
    if not update:
        return 1 if fresh else 0
    for suspect in fresh:
        entry = {"type": suspect.kind, "filename": suspect.path, "hashed_secret": suspect.hashed}
        baseline["results"].setdefault(suspect.path, []).append(entry | {"is_verified": False, "line_number": 0})
    (ROOT / BASELINE).write_text(json.dumps(baseline, indent=1, sort_keys=True) + "\n")
    return 0


def _blobs(batch: bytes, wanted: dict[str, str]) -> Iterator[tuple[str, bytes]]:
    """Read what `git cat-file --batch` writes: a line of name, type and size, the content, a line end."""
    place = 0
    while place < len(batch):
        end = batch.index(b"\n", place)
        name, kind, size = batch[place:end].decode().split()
        content = batch[end + 1 : end + 1 + int(size)]
        place = end + 2 + int(size)
        if kind == "blob":
            yield wanted[name], content


def _git(repository: Path, *arguments: str, given: bytes | None = None) -> bytes:
    return subprocess.run(["git", *arguments], cwd=repository, input=given, capture_output=True, check=True).stdout


if __name__ == "__main__":
    sys.exit(main())
