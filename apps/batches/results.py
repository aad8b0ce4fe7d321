"""What came of a batch, as a file: NDJSON or CSV, made while it is sent."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from apps.batches.models import BatchRow

OWN_COLUMNS = ("row", "status", "duplicate", "duplicate_of", "error_pointer", "error_code", "error_detail")
LIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # what makes a spreadsheet run a cell


def row_document(row: BatchRow) -> dict[str, Any]:
    """A row without its result: where it stands, and what is wrong with it."""
    return {
        "row": row.number,
        "status": "queued" if row.status == BatchRow.Status.RECEIVED else row.status,
        "duplicate": row.duplicate or None,
        "duplicate_of": row.duplicate_of,
        "errors": row.told_errors,
    }


def ndjson(rows: Iterator[BatchRow]) -> Iterator[bytes]:
    """One document a line, in the order of the upload."""
    for row in rows:
        document = row_document(row) | {"result": row.result}
        yield json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def csv_file(rows: Iterator[BatchRow], columns: Sequence[str]) -> Iterator[bytes]:
    """RFC 4180, in UTF-8, with a header. Text that a spreadsheet would run comes behind an apostrophe.

    Of several errors of a row the first is shown.
    """
    yield _line([*OWN_COLUMNS, *columns])
    for row in rows:
        document = row_document(row)
        first = (row.told_errors or [{"pointer": "", "code": "", "detail": ""}])[0]
        own = [document[name] for name in OWN_COLUMNS[:4]] + [first["pointer"], first["code"], first["detail"]]
        yield _line([*own, *(_member(row.result, name) for name in columns)])


def inert(value: Any) -> str:
    """A cell's text that no spreadsheet takes for a formula. Numbers of ours stay numbers.

    >>> inert("=1+1"), inert(-0.25), inert(None), inert(True)
    ("'=1+1", '-0.25', '', 'true')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(LIVE) else text


def _member(document: Any, name: str) -> Any:
    for part in name.split("."):
        document = document.get(part) if isinstance(document, dict) else None
    return document


def _line(cells: Sequence[Any]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([inert(cell) for cell in cells])
    return text.getvalue().encode()
