"""Pages of a list that grows while it is read."""

import re
from typing import Any

from django.core import signing
from django.utils.translation import gettext
from rest_framework import pagination
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from apps.api.problems import RequestRefused


class PageRefused(RequestRefused):
    """A page that cannot be turned to: the cursor is not one of ours, or the limit makes no sense."""

    default_code = "invalid_page"


class CursorPagination(pagination.CursorPagination):
    """Newest first; ``?cursor=`` from ``next`` or ``previous``, ``?limit=`` 1 to 200.

    A cursor is signed for its own path, so that a forged one, or one of another list, is refused
    here and its text never reaches a query.
    """

    request: Request  # set by paginate_queryset
    page_size = 50
    max_page_size = 200
    page_size_query_param = "limit"
    cursor_query_description = "Taken from `next` or `previous` of a page; absent for the first page."
    page_size_query_description = "Rows a page, 1 to 200."
    ordering: Any = ("-created_at", "-pk")

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A page, as OpenAPI 3.1 says it."""
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {"next": link, "previous": link, "results": schema}
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_page_size(self, request: Request) -> int:
        """How many rows the caller asked for. Raises PageRefused if that is no number from 1 to 200."""
        asked = request.query_params.get("limit", str(self.page_size))
        if not (re.fullmatch("[0-9]{1,3}", asked) and 1 <= int(asked) <= self.max_page_size):
            raise PageRefused(gettext("limit is a whole number from 1 to %(most)d.") % {"most": self.max_page_size})
        return int(asked)

    def decode_cursor(self, request: Request) -> Any:
        """The place a cursor stands for. Raises PageRefused if we did not make it for this list."""
        sealed = request.query_params.get(self.cursor_query_param)
        if sealed is None:
            return None
        try:
            position, offset, reverse = _signer(request.path).unsign_object(sealed)
        except (signing.BadSignature, ValueError):
            raise PageRefused(gettext("The cursor is not one of this list.")) from None
        return pagination.Cursor(offset=offset, reverse=reverse, position=position)

    def encode_cursor(self, cursor: Any) -> str:
        """A link to the page that begins at ``cursor``."""
        sealed = _signer(self.request.path).sign_object([cursor.position, cursor.offset, cursor.reverse])
        return replace_query_param(str(self.base_url), self.cursor_query_param, sealed)


def _signer(path: str) -> signing.Signer:
    return signing.Signer(salt=f"apps.api.pagination:{path}")
