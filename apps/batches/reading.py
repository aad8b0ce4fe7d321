"""An upload as rows, read as it comes: memory does not grow with its size.

NDJSON: one document a line. CSV (RFC 4180): UTF-8 with or without a mark, a header that names fields by dotted
paths, quotes checked strictly. A line that cannot be read spoils itself alone and is kept with its flaw.
"""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.common.errors import InvalidInput

CHUNK_BYTES = 64 * 1024
MOST_LINE_BYTES = 64 * 1024
MOST_BYTES = 64 * 1024 * 1024
MOST_ROWS = 100_000
MARK = b"\xef\xbb\xbf"


class UploadRefused(InvalidInput):
    """The upload as a whole cannot be taken; nothing is stored."""

    code = "upload_refused"


class UploadTooLarge(UploadRefused):
    """More bytes or rows than a batch may have."""

    code = "upload_too_large"


class HeaderRefused(UploadRefused):
    """The first line of a CSV file does not name fields."""

    code = "header_refused"


class LineFlaw(Exception):
    """A line that cannot be read; the next one can."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row as it came.

    Attributes:
        number: the line it begins at, from 1.
        content: its line, or the JSON list of its cells; empty where it has a flaw.
        flaw: code of what makes it unreadable, or "".
    """

    number: int
    content: bytes = b""
    flaw: str = ""


class Lines:
    """The lines of a stream without their ends, as text; an iterator that goes on after raising LineFlaw.

    Attributes:
        number: of the line given last, from 1.
    """

    def __init__(self, read: Callable[[int], bytes], *, most_bytes: int = MOST_BYTES) -> None:
        self.number = 0
        self._read = read
        self._left = most_bytes
        self._most_bytes = most_bytes
        self._sha256 = hashlib.sha256()
        self._buffer = b""
        self._ended = False

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        """The next line, with its end where it has one.

        Raises:
            LineFlaw: it is too long or not UTF-8.
            UploadTooLarge: the stream is.
        """
        line, too_long = self._line()
        if not line:
            raise StopIteration
        self.number += 1
        if too_long:
            raise LineFlaw("line_too_long")
        if self.number == 1:
            line = line.removeprefix(MARK)
        try:
            return line.decode()
        except UnicodeDecodeError:
            raise LineFlaw("not_utf8") from None

    @property
    def sha256(self) -> str:
        """Of all bytes, in hexadecimal. The stream has to be at its end."""
        assert self._ended
        return self._sha256.hexdigest()

    def _line(self) -> tuple[bytes, bool]:
        """The bytes of a line, or where it is too long its first part, its rest having been passed over."""
        end = self._buffer.find(b"\n")
        while end < 0 and not self._ended and len(self._buffer) <= MOST_LINE_BYTES:
            searched = len(self._buffer)
            self._more()
            end = self._buffer.find(b"\n", searched)
        if end < 0 and len(self._buffer) > MOST_LINE_BYTES:
            return self._pass_over(), True
        cut = len(self._buffer) if end < 0 else end + 1
        line, self._buffer = self._buffer[:cut], self._buffer[cut:]
        return line, len(line) > MOST_LINE_BYTES

    def _pass_over(self) -> bytes:
        start = self._buffer[:1]
        while (end := self._buffer.find(b"\n")) < 0 and not self._ended:
            self._buffer = b""
            self._more()
        self._buffer = self._buffer[end + 1 :] if end >= 0 else b""
        return start

    def _more(self) -> None:
        chunk = self._read(CHUNK_BYTES)
        self._ended = not chunk
        self._left -= len(chunk)
        if self._left < 0:
            raise UploadTooLarge(_("A batch may have at most %(bytes)d bytes.") % {"bytes": self._most_bytes})
        self._sha256.update(chunk)
        self._buffer += chunk


def ndjson_rows(lines: Lines) -> Iterator[Row]:
    """Every line that is not blank. Raises UploadTooLarge."""
    while True:
        try:
            text = next(lines)
        except StopIteration:
            return
        except LineFlaw as flaw:
            yield Row(number=lines.number, flaw=flaw.code)
            continue
        if text.strip():
            yield Row(number=lines.number, content=text.strip().encode())


def csv_header(lines: Lines, *, delimiter: str, fields: frozenset[str]) -> tuple[list[str], Iterator[list[str]]]:
    """The fields a file names, and the reader that gives its rows.

    Raises:
        HeaderRefused: the file is empty, or the line names something unknown or one thing twice.
    """
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader)]
    except (StopIteration, LineFlaw, csv.Error):
        raise HeaderRefused(_("The first line must name the fields.")) from None
    unknown = [number for number, name in enumerate(header, start=1) if name not in fields]
    if unknown:
        raise HeaderRefused(_("Column %(column)d does not name a field.") % {"column": unknown[0]})
    if len(set(header)) != len(header):
        raise HeaderRefused(_("The first line names a field twice."))
    return header, reader


def csv_rows(lines: Lines, reader: Iterator[list[str]], *, columns: int) -> Iterator[Row]:
    """Every record after the header, as the JSON list of its cells. Raises UploadTooLarge."""
    while True:
        number = lines.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except LineFlaw as flaw:
            yield Row(number=number, flaw=flaw.code)
            continue
        except csv.Error:
            yield Row(number=number, flaw="malformed_csv")
            continue
        if len(cells) == columns:
            yield Row(number=number, content=json.dumps(cells, ensure_ascii=False).encode())
        elif cells:
            yield Row(number=number, flaw="column_count")


def document_of_cells(header: list[str], cells: list[str], cell: Callable[[str, str], Any]) -> dict[str, Any]:
    """Cells as the document they stand for: dots open members, empty cells are absent.

    >>> document_of_cells(["id", "device.id", "card.number"], ["7", "fp", ""], lambda _name, text: text)
    {'id': '7', 'device': {'id': 'fp'}}
    """
    document: dict[str, Any] = {}
    for name, text in zip(header, cells, strict=True):
        if text == "":
            continue
        *above, last = name.split(".")
        place = document
        for member in above:
            place = place.setdefault(member, {})
        place[last] = cell(name, text)
    return document
