"""Events by the line."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.parsers import BaseParser

from apps.api.parsers import MAX_BYTES, BodyTooLarge, MalformedBody, loads, raw_body

MOST_LINES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a body: a document, or why it is none.

    Attributes:
        number: from 1.
    """

    number: int
    document: Any = None
    flaw: MalformedBody | None = None


class NDJSONParser(BaseParser):
    """One JSON document a line (application/x-ndjson); blank lines are skipped, a bad line spoils no other."""

    media_type = "application/x-ndjson"

    def parse(
        self,
        stream: Any,  # noqa: ARG002 (the signature is REST framework's)
        media_type: str | None = None,  # noqa: ARG002
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """The lines.

        Raises:
            BodyTooLarge: more bytes than the view reads, or more than 10,000 lines.
        """
        context = parser_context or {}
        body = raw_body(context["request"], max_bytes=getattr(context["view"], "max_body_bytes", MAX_BYTES))
        lines = [(number, line) for number, line in enumerate(body.split(b"\n"), start=1) if line.strip()]
        if len(lines) > MOST_LINES:
            raise BodyTooLarge(_("A body may have at most %(lines)d lines.") % {"lines": MOST_LINES})
        return [_read(number, line) for number, line in lines]


def _read(number: int, line: bytes) -> Line:
    try:
        return Line(number=number, document=loads(line))
    except MalformedBody as flaw:
        return Line(number=number, flaw=flaw)
