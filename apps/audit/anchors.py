"""The heads of all chains, signed and written down where the database cannot reach them.

A seal shows that what is there was not touched. That the latest of it was not cut off, only somebody shows
who remembers how far it went: an anchor, kept elsewhere. It holds digests alone.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.utils.translation import gettext as _

from apps.audit.chains import Head, chain_ids, head_of, scope_of
from apps.audit.keys import AuditKey, current_key
from apps.common import scope
from apps.common.errors import InvalidInput

logger = structlog.get_logger(__name__)

FILE_NAME = "audit-anchors.jsonl"  # where a folder is named

Anchored = Mapping[str, Mapping[int, bytes]]  # digests by chain and position


class AnchorRefused(InvalidInput):
    """A line of anchors is not one that we signed; the text names it."""

    code = "anchor_refused"


def anchor_all(now: datetime) -> None:
    """The chore: sign the heads, log them, and append them to the file of ``ASSAY_AUDIT_ANCHORS``.

    A file that cannot be written is logged as an error; the line itself is in the log all the same.
    """
    line = anchor_line(now=now)
    logger.info("audit.anchored", anchor=line)
    try:
        append(line, settings.AUDIT_ANCHORS)
    except OSError as error:
        logger.error("audit.anchors_not_written", error=type(error).__name__)  # noqa: TRY400 - no traceback needed


def anchor_line(*, now: datetime, key: AuditKey | None = None) -> str:
    """One line of JSON: every chain's position and digest at a moment, and a signature over them."""
    key = key or current_key()
    heads = [head for head in _heads() if head.position]
    document = {
        "at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "chains": [{"chain": head.chain, "position": head.position, "digest": head.digest.hex()} for head in heads],
        "key_id": key.id,
    }
    return json.dumps(document | {"signature": _signature(document, key).hex()}, separators=(",", ":"))


def append(line: str, path: Path) -> Path:
    """Write a line at the end of a file, or of the usual file in a folder. Returns the file."""
    path = file_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return path


def read(path: Path, *, keys: Mapping[str, AuditKey]) -> Anchored:
    """What was anchored in a file.

    Raises:
        AnchorRefused: a line is torn, was altered, or was signed with a key that is not known here.
        OSError: the file cannot be read.
    """
    return read_all([path], keys=keys)


def read_all(paths: Iterable[Path], *, keys: Mapping[str, AuditKey]) -> Anchored:
    """What was anchored in several files, e.g. of two machines. Raises as `read` does."""
    anchored: dict[str, dict[int, bytes]] = defaultdict(dict)
    for path in paths:
        with file_of(path).open(encoding="utf-8") as lines:
            for number, head in _signed_heads(lines, keys):
                if anchored[head.chain].setdefault(head.position, head.digest) != head.digest:
                    raise _refused(number)
    return anchored


def _signed_heads(lines: Iterable[str], keys: Mapping[str, AuditKey]) -> Iterator[tuple[int, Head]]:
    for number, line in enumerate(lines, start=1):
        try:
            document: dict[str, Any] = json.loads(line)
            signature = bytes.fromhex(document.pop("signature"))
            key = keys[document["key_id"]]
            heads = [
                Head(chain=told["chain"], position=told["position"], digest=bytes.fromhex(told["digest"]))
                for told in document["chains"]
            ]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise _refused(number) from None
        if not key.derived("anchor").made(signature, _signed_bytes(document)):
            raise _refused(number)
        yield from ((number, head) for head in heads)


def _heads() -> Iterator[Head]:
    for institution_id in chain_ids():
        with scope.entered(scope_of(institution_id)):
            head = head_of(institution_id)
        yield head


def _signature(document: dict[str, Any], key: AuditKey) -> bytes:
    return key.derived("anchor").digest_of(_signed_bytes(document))


def _signed_bytes(document: dict[str, Any]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def file_of(path: Path) -> Path:
    """The file that a path means: itself, or the usual one in a folder."""
    return path / FILE_NAME if path.is_dir() else path


def _refused(number: int) -> AnchorRefused:
    return AnchorRefused(_("Line %(number)d of the anchors is not one that was signed here.") % {"number": number})
