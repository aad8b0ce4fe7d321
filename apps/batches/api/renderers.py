"""Files of results: the views make them; these say by which media types they are asked for."""

from typing import Any

from rest_framework.renderers import BaseRenderer, JSONRenderer

NDJSON, CSV = "application/x-ndjson", "text/csv"


class NDJSONRenderer(JSONRenderer):
    """One document a line."""

    media_type = NDJSON
    format = "ndjson"


class CSVRenderer(BaseRenderer):
    """Rows for a spreadsheet."""

    media_type = CSV
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        """Refusals alone come here, and they are JSON whatever was asked for."""
        return bytes(JSONRenderer().render(data, accepted_media_type, renderer_context))
