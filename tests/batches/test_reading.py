"""Uploads as rows, whatever arrives."""

import csv
import hashlib
import io
import json
import tracemalloc
from itertools import repeat

import pytest

from apps.batches.reading import (
    MOST_LINE_BYTES,
    HeaderRefused,
    Lines,
    UploadTooLarge,
    csv_header,
    csv_rows,
    document_of_cells,
    ndjson_rows,
)

FIELDS = frozenset({"id", "amount", "device.id"})


def ndjson(body: bytes) -> list[tuple[int, bytes, str]]:
    return [(row.number, row.content, row.flaw) for row in ndjson_rows(Lines(io.BytesIO(body).read))]


def cells(body: bytes, delimiter: str = ",") -> list[tuple[int, list[str] | str]]:
    lines = Lines(io.BytesIO(body).read)
    header, reader = csv_header(lines, delimiter=delimiter, fields=FIELDS)
    rows = csv_rows(lines, reader, columns=len(header))
    return [(row.number, row.flaw or json.loads(row.content)) for row in rows]


def test_lines_are_numbered_as_an_editor_numbers_them():
    assert ndjson(b'{"id":1}\n\n  \r\n{"id":2}') == [(1, b'{"id":1}', ""), (4, b'{"id":2}', "")]


def test_a_line_that_is_not_utf8_spoils_no_other():
    assert ndjson(b'\xff\xfe\n{"id":2}\n') == [(1, b"", "not_utf8"), (2, b'{"id":2}', "")]


@pytest.mark.parametrize("size", [MOST_LINE_BYTES, MOST_LINE_BYTES * 5])
def test_a_line_that_is_too_long_is_passed_over(size: int):
    assert ndjson(b"x" * size + b'\n{"id":2}\n') == [(1, b"", "line_too_long"), (2, b'{"id":2}', "")]


def test_the_longest_line_is_read():
    line = b"x" * (MOST_LINE_BYTES - 1)

    assert ndjson(line + b"\n") == [(1, line, "")]


def test_a_stream_that_is_too_long_is_refused():
    lines = Lines(io.BytesIO(b"x\n" * 1000).read, most_bytes=1000)

    with pytest.raises(UploadTooLarge):
        list(ndjson_rows(lines))


def test_memory_does_not_grow_with_the_stream():
    chunks = repeat(b'{"id":1}\n' * 7_000, 20)
    tracemalloc.start()

    count = sum(1 for _row in ndjson_rows(Lines(lambda _size: next(chunks, b""))))

    assert count == 140_000
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_the_digest_is_that_of_all_bytes():
    lines = Lines(io.BytesIO(b"a\nb").read)

    assert len(list(ndjson_rows(lines))) == 2
    assert lines.sha256 == hashlib.sha256(b"a\nb").hexdigest()


def test_a_header_may_come_behind_a_byte_order_mark():
    assert cells(b"\xef\xbb\xbfid,amount\r\n7,1.50\r\n") == [(2, ["7", "1.50"])]


def test_cells_may_hold_quotes_delimiters_and_line_ends():
    assert cells(b'id,amount\n"a,""b""\nc",1\nd,2\n') == [(2, ['a,"b"\nc', "1"]), (4, ["d", "2"])]


def test_a_semicolon_parts_cells_where_that_was_said():
    assert cells(b"id;amount\n7;1,50\n", ";") == [(2, ["7", "1,50"])]


@pytest.mark.parametrize(
    ("line", "flaw"),
    [(b'"a"b,1', "malformed_csv"), (b"a", "column_count"), (b"a,1,2", "column_count"), (b"\xff,1", "not_utf8")],
)
def test_a_bad_line_is_named_and_spoils_no_other(line: bytes, flaw: str):
    assert cells(b"id,amount\n" + line + b"\nd,2\n") == [(2, flaw), (3, ["d", "2"])]


def test_a_quote_that_is_never_closed_is_named_where_it_opens():
    assert cells(b'id,amount\na,1\n"b,2\nc,3\n') == [(2, ["a", "1"]), (3, "malformed_csv")]


@pytest.mark.parametrize("header", [b"", b"id,color\n", b"id,id\n", b'"id\n', b"\xff\n", b"tx-1,acc-1\n"])
def test_a_header_that_does_not_name_fields_is_refused(header: bytes):
    with pytest.raises(HeaderRefused):
        cells(header)


def test_dots_open_members_and_empty_cells_are_absent():
    document = document_of_cells(["id", "amount", "device.id"], ["7", "", "fp"], lambda _name, text: text)

    assert document == {"id": "7", "device": {"id": "fp"}}


def test_the_limit_of_the_csv_module_is_above_ours():
    assert csv.field_size_limit() >= MOST_LINE_BYTES
