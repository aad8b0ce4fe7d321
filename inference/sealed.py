"""A folder sealed by `SHA256SUMS`: what was hashed is what is read, and nothing else is there."""

import re
from hashlib import file_digest, sha256
from pathlib import Path

from inference.api import CheckpointRefused

SUMS = "SHA256SUMS"
SUFFIXES = frozenset({".safetensors", ".json", ".md", ".txt", ".jinja"})
NAMES = frozenset({SUMS, "LICENSE", "NOTICE", ".gitattributes"})
LINE = re.compile(r"(?P<digest>[0-9a-f]{64}) [ *](?P<name>[^/\\\0]+)")


def write_sums(path: Path) -> str:
    """Write `SHA256SUMS` over every other file of a folder; returns the digest."""
    lines = []
    for entry in sorted(path.iterdir()):
        if entry.name != SUMS:
            with entry.open("rb") as file:
                lines.append(f"{file_digest(file, 'sha256').hexdigest()}  {entry.name}\n")
    (path / SUMS).write_text("".join(lines), encoding="utf-8")
    return digest_of(path)


def digest_of(path: Path) -> str:
    """Sha256 of a folder's `SHA256SUMS`, hex. Raises CheckpointRefused if there is none."""
    return sha256(_read(path / SUMS)).hexdigest()


class SealedFolder:
    """A folder whose every file is named in `SHA256SUMS`, and is of a kind that holds no code.

    Raises:
        CheckpointRefused: at once for a file that is missing, unlisted, of an unknown kind or
            outside the folder, and for another digest than the expected one.
    """

    def __init__(self, path: Path, *, expected_digest: str | None = None) -> None:
        sums = _read(path / SUMS)
        self.digest = sha256(sums).hexdigest()
        if expected_digest is not None and self.digest != expected_digest:
            raise CheckpointRefused("the checkpoint's digest is not the expected one")
        self._path = path
        self._sums = _parse(sums)
        self._refuse_strangers()

    @property
    def names(self) -> tuple[str, ...]:
        """The files, sorted by name."""
        return tuple(sorted(self._sums))

    def read(self, name: str) -> bytes:
        """A file's bytes. Raises CheckpointRefused if they are not the ones that were sealed."""
        if name not in self._sums:
            raise CheckpointRefused(f"the checkpoint has no {name}")
        content = _read(self._path / name)
        if sha256(content).hexdigest() != self._sums[name]:
            raise CheckpointRefused(f"{name} is not the file that was sealed")
        return content

    def verify(self) -> None:
        """Compare every file with its sum. Raises CheckpointRefused at the first difference."""
        for name in self.names:
            self.read(name)

    def _refuse_strangers(self) -> None:
        found = set()
        home = self._path.resolve()
        for entry in self._path.iterdir():
            if not entry.is_file() or entry.resolve().parent != home:
                raise CheckpointRefused(f"{entry.name} is not a file inside the checkpoint's folder")
            if entry.suffix not in SUFFIXES and entry.name not in NAMES:
                raise CheckpointRefused(f"{entry.name} is of a kind that a checkpoint may not hold")
            found.add(entry.name)
        if different := sorted((found - {SUMS}) ^ self._sums.keys()):
            raise CheckpointRefused(f"listed and present files differ: {', '.join(different)}")


def _parse(sums: bytes) -> dict[str, str]:
    parsed: dict[str, str] = {}
    for line in sums.decode("utf-8", errors="replace").splitlines():
        match = LINE.fullmatch(line)
        if match is None or match["name"] in parsed:
            raise CheckpointRefused(f"{SUMS} has a line that cannot be read")
        parsed[match["name"]] = match["digest"]
    return parsed


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointRefused(f"no readable {path.name} in the checkpoint") from error
