"""Reading JSON from strangers: bounded, exact, and never a reason for a 500.

Refused, always with a place: bodies above the size cap, nesting above the depth cap, text that
is not UTF-8, duplicate keys, NaN and Infinity in any spelling (1e400 too), integers beyond 64
bits, NUL and lone surrogates in strings or keys. The depth is counted before the parser runs, so
that no body can exhaust Python's stack. Numbers with a fraction arrive as `Decimal`: money is
never rounded on its way in.
"""

import json
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from apps.api.problems import RequestRefused, child

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_INTEGER_DIGITS = 19
MAX_NUMBER_CHARACTERS = 400
INT64 = range(-(2**63), 2**63)
SURROGATE = re.compile("[\ud800-\udfff]")

# Strings are skipped whole, an unterminated one to the end of the text: one pass, no backtracking.
BRACKET = re.compile(r'"(?>[^"\\]+|\\.)*+(?:"|\\?\Z)|([\[{])|([\]}])', re.DOTALL)


class MalformedBody(RequestRefused):
    """The body is not JSON as Assay reads it."""

    default_code = "malformed_json"


class BodyTooLarge(RequestRefused):
    """The body has more bytes than this address reads."""

    status_code = 413
    default_code = "too_large"


class HardenedJSONParser(BaseParser):
    """The only way a JSON body comes in."""

    media_type = "application/json"

    def parse(
        self, _stream: Any, _media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body as Python values.

        Raises:
            MalformedBody: with a pointer, or line and column.
            BodyTooLarge: before it is read, where its length is declared.
        """
        context = parser_context or {}
        return loads(raw_body(context["request"], max_bytes=getattr(context["view"], "max_body_bytes", MAX_BYTES)))


def raw_body(request: Request, *, max_bytes: int) -> bytes:
    """The bytes of the body, read once and kept by the request.

    Raises:
        BodyTooLarge: more than ``max_bytes``.
        UnsupportedMediaType: compressed; a few bytes could unfold to gigabytes.
    """
    coding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
    if coding.lower() not in {"", "identity"}:
        raise UnsupportedMediaType(coding, detail=_("Send the body without Content-Encoding."))
    check_declared_length(request, max_bytes=max_bytes)
    body = bytes(request.body)
    if len(body) > max_bytes:
        raise BodyTooLarge(_("The body may have at most %(bytes)d bytes.") % {"bytes": max_bytes})
    return body


def check_declared_length(request: Request, *, max_bytes: int) -> None:
    """Refuse a body by the length it is said to have, before any of it is read. Raises BodyTooLarge."""
    declared = str(request.META.get("CONTENT_LENGTH") or "0")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise BodyTooLarge(_("The body may have at most %(bytes)d bytes.") % {"bytes": max_bytes})


def loads(body: bytes, *, max_depth: int = MAX_DEPTH) -> Any:
    """One JSON document; numbers with a fraction or exponent become `Decimal`.

    Raises:
        MalformedBody: see the module's docstring.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as wrong:
        raise MalformedBody(
            _("The body is not UTF-8 at byte %(byte)d.") % {"byte": wrong.start}, code="not_utf8"
        ) from None
    if not text.strip(" \t\r\n"):
        raise MalformedBody(_("The body is empty."), code="empty_body")
    _check_depth(text, max_depth)
    try:
        document = json.loads(
            text, object_pairs_hook=_object, parse_float=_number, parse_int=_integer, parse_constant=_constant
        )
    except json.JSONDecodeError as wrong:
        raise MalformedBody(
            _("The body is not JSON at line %(line)d, column %(column)d.")
            % {"line": wrong.lineno, "column": wrong.colno}
        ) from None
    _check_values(document, "")
    return document


class _Flaw:
    """Takes the place of a value JSON's grammar allows and Assay does not, until its pointer is known."""

    __slots__ = ("code",)

    def __init__(self, code: str) -> None:
        self.code = code


def _object(pairs: list[tuple[str, Any]]) -> "dict[str, Any] | _Flaw":
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Flaw("duplicate_key")


def _number(text: str) -> "Decimal | _Flaw":
    if len(text) > MAX_NUMBER_CHARACTERS or math.isinf(float(text)):
        return _Flaw("number_out_of_range")
    return Decimal(text)


def _integer(text: str) -> "int | _Flaw":
    if len(text) > MAX_INTEGER_DIGITS + 1 or int(text) not in INT64:
        return _Flaw("number_out_of_range")
    return int(text)


def _constant(_text: str) -> _Flaw:
    return _Flaw("not_a_number")


def _check_depth(text: str, max_depth: int) -> None:
    depth = 0
    for bracket in BRACKET.finditer(text):
        if bracket.group(1):
            depth += 1
            if depth > max_depth:
                raise MalformedBody(
                    _("The body nests deeper than %(depth)d levels at character %(character)d.")
                    % {"depth": max_depth, "character": bracket.start()},
                    code="too_deep",
                )
        elif bracket.group(2):
            depth -= 1


def _check_values(value: Any, pointer: str) -> None:
    """Refuse flaws and characters that PostgreSQL cannot store; the recursion is as deep as the body, no deeper."""
    if isinstance(value, _Flaw):
        raise MalformedBody(_flaw_text(value.code), code=value.code, pointer=pointer)
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, dict):
        for key, below in value.items():
            _check_text(key, pointer)
            _check_values(below, child(pointer, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            _check_values(below, child(pointer, index))


def _check_text(text: str, pointer: str) -> None:
    if "\x00" in text:
        raise MalformedBody(_("Text may not hold the NUL character."), code="nul_character", pointer=pointer)
    if SURROGATE.search(text):
        raise MalformedBody(_("Text may not hold half a surrogate pair."), code="lone_surrogate", pointer=pointer)


def _flaw_text(code: str) -> str:
    return {
        "duplicate_key": _("An object names a key twice."),
        "number_out_of_range": _("A number is beyond what can be kept exactly."),
        "not_a_number": _("NaN and Infinity are not numbers in JSON."),
    }[code]
