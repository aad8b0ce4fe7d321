"""Pages of a list that grows while it is read."""

from typing import Any

from django.core import signing
from django.utils.translation import gettext as _
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
    ordering: Any = ("-created_at", "-pk")

    def get_page_size(self, request: Request) -> int:
        """How many rows the caller asked for. Raises PageRefused if that is no number from 1 to 200."""
        asked = request.query_params.get("limit", str(self.page_size))
        if not (asked.isascii() and asked.isdecimal() and 1 <= int(asked[:9]) <= self.max_page_size):
            raise PageRefused(_("limit is a whole number from 1 to %(most)d.") % {"most": self.max_page_size})
        return int(asked)

    def decode_cursor(self, request: Request) -> Any:
        """The place a cursor stands for. Raises PageRefused if we did not make it for this list."""
        sealed = request.query_params.get(self.cursor_query_param)
        if sealed is None:
            return None
        try:
            position, offset, reverse = _signer(request.path).unsign_object(sealed)
        except (signing.BadSignature, ValueError):
            raise PageRefused(_("The cursor is not one of this list.")) from None
        return pagination.Cursor(offset=offset, reverse=reverse, position=position)

    def encode_cursor(self, cursor: Any) -> str:
        """A link to the page that begins at ``cursor``."""
        sealed = _signer(self.request.path).sign_object([cursor.position, cursor.offset, cursor.reverse])
        return replace_query_param(str(self.base_url), self.cursor_query_param, sealed)


def _signer(path: str) -> signing.Signer:
    return signing.Signer(salt=f"apps.api.pagination:{path}")
