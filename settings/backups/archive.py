"""A backup's file: a ZIP of parts that are stored as they come, a manifest of their sums, and its seal.

Nothing is read twice or kept in memory to write it: parts stream in, and the manifest comes last. The seal is a
keyed digest of the manifest, so that nobody without the installation's keys can make a backup that restores.
"""

import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from apps.common.encryption import keyed_digest

FORMAT = 1
MANIFEST, SEAL, DATABASE, ANCHORS = "manifest.json", "manifest.seal", "database.dump", "audit-anchors.jsonl"
CHUNK = 1 << 20
MAX_MANIFEST_BYTES = 16 << 20
NOBODYS = UUID(int=0)  # the seal is the installation's, not an institution's

OnBytes = Callable[[int], None]


class ArchiveBroken(Exception):
    """The file is no backup, or not as it was written; the message says which part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one part must be."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        migrations: names by app, as applied when it was made.
        rows: by table, in the snapshot that was dumped.
        models: every registered version: name, version, folder, digest.
        key_ids: of the keys that its sealed columns may need; never the keys.
        probe: hex of a value sealed with the current key, opened before anything is restored.
    """

    format: int
    id: str
    release: str
    made_at: str
    postgresql: str
    migrations: dict[str, list[str]]
    rows: dict[str, int]
    models: list[dict[str, str]]
    key_ids: list[str]
    probe: str
    parts: dict[str, Part]

    @classmethod
    def read(cls, content: bytes) -> Self:
        """The manifest that was written. Raises ArchiveBroken."""
        try:
            told: dict[str, Any] = json.loads(content)
            parts = {name: Part(**part) for name, part in told.pop("parts").items()}
            manifest = cls(**told, parts=parts)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ArchiveBroken(f"{MANIFEST} cannot be read") from error
        if manifest.format != FORMAT:
            raise ArchiveBroken(f"its format is {manifest.format}; this release reads {FORMAT}")
        return manifest

    def as_bytes(self) -> bytes:
        """JSON that people can read."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        told["parts"] = {name: asdict(part) for name, part in self.parts.items()}
        return json.dumps(told, indent=1, sort_keys=True).encode()


class ArchiveWriter:
    """Writes beside the target and moves there when whole: an interrupted backup leaves no file of that name."""

    def __init__(self, path: Path) -> None:
        """Begin a file of mode 600. Raises FileExistsError rather than overwrite one."""
        if path.exists():
            raise FileExistsError(path)
        self._path = path
        self._unfinished = path.with_name(f".{path.name}.{os.getpid()}.unfinished")
        self._file = os.fdopen(os.open(self._unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self.parts: dict[str, Part] = {}

    def write(self, name: str, chunks: Iterable[bytes], *, on_bytes: OnBytes = lambda _count: None) -> None:
        """Stream one part in."""
        digest, size = sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as part:
            for chunk in chunks:
                part.write(chunk)
                digest.update(chunk)
                size += len(chunk)
                on_bytes(len(chunk))
        self.parts[name] = Part(sha256=digest.hexdigest(), size_bytes=size)

    def finish(self, manifest: Manifest) -> None:
        """Add the manifest and its seal, and give the file its name once it is on the disk."""
        content = manifest.as_bytes()
        self._zip.writestr(MANIFEST, content)
        self._zip.writestr(SEAL, _seal(content))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._unfinished.rename(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, _raised: object, _trace: TracebackType | None) -> None:
        with suppress(ValueError, OSError):
            self._zip.close()
        self._file.close()
        self._unfinished.unlink(missing_ok=True)


class Archive:
    """A backup that exists. Raises ArchiveBroken at once if it is none."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            self._content = self._small(MANIFEST)
            self._seal = self._small(SEAL)
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise ArchiveBroken(f"{path.name} is not a backup") from error
        self.manifest = Manifest.read(self._content)

    @property
    def is_sealed_by_us(self) -> bool:
        """Whether the manifest was written with this installation's keys, and not changed since."""
        return self._seal == _seal(self._content)

    def verify(self, *, on_bytes: OnBytes = lambda _count: None) -> None:
        """Compare every part with its sum. Raises ArchiveBroken at the first difference."""
        names = self._zip.namelist()
        if sorted(names) != sorted({*self.manifest.parts, MANIFEST, SEAL}):
            raise ArchiveBroken("its parts are not the ones the manifest names")
        for name, part in self.manifest.parts.items():
            digest, size = sha256(), 0
            for chunk in self.read(name):
                digest.update(chunk)
                size += len(chunk)
                on_bytes(len(chunk))
            if (digest.hexdigest(), size) != (part.sha256, part.size_bytes):
                raise ArchiveBroken(f"{name} is not the part that was written")

    def read(self, name: str) -> Iterator[bytes]:
        """One part, piece by piece. Raises ArchiveBroken where it cannot be read."""
        try:
            with self._zip.open(name) as part:
                while chunk := part.read(CHUNK):
                    yield chunk
        except (OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise ArchiveBroken(f"{name} cannot be read") from error

    def _small(self, name: str) -> bytes:
        if self._zip.getinfo(name).file_size > MAX_MANIFEST_BYTES:
            raise zipfile.BadZipFile(name)
        return self._zip.read(name)


def _seal(content: bytes) -> bytes:
    return keyed_digest(NOBODYS, "backup.manifest", sha256(content).hexdigest())
