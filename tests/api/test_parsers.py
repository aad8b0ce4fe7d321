"""Reading JSON from strangers."""

import json
import time
from decimal import Decimal

import pytest

from apps.api.parsers import MAX_BYTES, MalformedBody, loads

REFUSED = [
    (b"", "empty_body", ""),
    (b" \r\n\t", "empty_body", ""),
    (b"{", "malformed_json", ""),
    (b"{'a': 1}", "malformed_json", ""),
    (b"[1,]", "malformed_json", ""),
    (b"\xef\xbb\xbf{}", "malformed_json", ""),
    (b'{"a": "\xff"}', "not_utf8", ""),
    (b'{"a": "\x00"}', "malformed_json", ""),
    ('{"a": 1}'.encode("utf-16"), "not_utf8", ""),
    (b'{"a": 1, "b": {"c": 1, "c": 2}}', "duplicate_key", "/b"),
    (b'{"a": 1, "a": 1}', "duplicate_key", ""),
    (b'{"a": [0, NaN]}', "not_a_number", "/a/1"),
    (b"[Infinity]", "not_a_number", "/0"),
    (b"[-Infinity]", "not_a_number", "/0"),
    (b'{"amount": 1e400}', "number_out_of_range", "/amount"),
    (b'{"amount": -1e400}', "number_out_of_range", "/amount"),
    (b'{"a/b": 9223372036854775808}', "number_out_of_range", "/a~1b"),
    (b"[-9223372036854775809]", "number_out_of_range", "/0"),
    (b"[" + b"9" * 100_000 + b"]", "number_out_of_range", "/0"),
    (b"[0." + b"1" * 100_000 + b"]", "number_out_of_range", "/0"),
    (b'{"a": "x\\u0000y"}', "nul_character", "/a"),
    (b'{"x\\u0000y": 1}', "nul_character", ""),
    (b'{"a": ["\\ud800"]}', "lone_surrogate", "/a/0"),
    (b'{"a": "\\udc00\\ud800"}', "lone_surrogate", "/a"),
    (b'{"b": {"\\udfff": 1}}', "lone_surrogate", "/b"),
    (b"[" * 65 + b"]" * 65, "too_deep", ""),
    (b'{"a":' * 100_000, "too_deep", ""),
    (b"[" * 1_000_000, "too_deep", ""),
]


@pytest.mark.parametrize(("body", "code", "pointer"), REFUSED, ids=range(len(REFUSED)))
def test_what_json_or_postgresql_cannot_hold_is_refused_with_its_place(body, code, pointer):
    with pytest.raises(MalformedBody) as refused:
        loads(body)

    assert refused.value.get_codes() == code
    assert refused.value.pointer == pointer


def test_a_syntax_error_names_line_and_column():
    with pytest.raises(MalformedBody, match="line 2, column 3"):
        loads(b'{"a": 1,\n  oops}')


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (b"9223372036854775807", 9223372036854775807),
        (b"-9223372036854775808", -9223372036854775808),
        (b"1234567890123456.78", Decimal("1234567890123456.78")),
        (b"0.1", Decimal("0.1")),
        (b"1e-400", Decimal("1e-400")),
        (b"-0", 0),
        (b'"\\ud83d\\ude00"', "😀"),
        (b'" \\u007f"', " \u007f"),
        ('{"名": "值"}'.encode(), {"名": "值"}),
        (b'[[], {}, "", null, true]', [[], {}, "", None, True]),
        (b"[" * 64 + b"]" * 64, json.loads("[" * 64 + "]" * 64)),
        (b'"' + b"[" * 200 + b'"', "[" * 200),
        (b'"\\"' + b"[" * 200 + b'"', '"' + "[" * 200),
    ],
)
def test_values_arrive_exactly(body, value):
    assert loads(body) == value


@pytest.mark.parametrize("piece", [b'"\\', b'\\"', b'"', b"\\", b"[]", b'""', b'{"a":', b"1,", b"-", b"\\u0000"])
def test_no_body_of_the_largest_size_takes_long(piece):
    body = b"[" + piece * ((MAX_BYTES - 2) // len(piece)) + b"]"
    begun = time.process_time()

    with pytest.raises(MalformedBody):
        loads(body)

    assert time.process_time() - begun < 2.0
