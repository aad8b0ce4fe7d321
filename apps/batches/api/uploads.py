"""How an upload asks to be read: its media type and its query, before a byte of its body is."""

from django.utils.translation import gettext as _
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.request import Request

from apps.api.problems import RequestRefused
from apps.batches import kinds
from apps.batches.api.renderers import CSV, NDJSON
from apps.batches.services import Upload

DELIMITERS = {"comma": ",", "semicolon": ";"}
FLAGS = {"true": True, "false": False}
PARAMETERS = {"type", "dry_run", "delimiter"}


class QueryRefused(RequestRefused):
    """The query says something that cannot be so."""

    default_code = "invalid_query"


def upload_of(request: Request) -> Upload:
    """What the caller wants done with the body.

    Raises:
        UnsupportedMediaType: it is neither NDJSON nor CSV in UTF-8, or is compressed.
        QueryRefused: the query names no kind of rows, or something unknown.
    """
    media_type = _media_type(request)
    unknown = sorted(set(request.query_params) - PARAMETERS)
    if unknown:
        raise QueryRefused(_("The query may name type, dry_run and delimiter."))
    kind = request.query_params.get("type", "")
    if kind not in kinds.registered():
        names = ", ".join(kinds.registered())
        raise QueryRefused(_("Say the type of the rows, one of: %(names)s.") % {"names": names})
    delimiter = DELIMITERS.get(request.query_params.get("delimiter", "comma"))
    if delimiter is None:
        raise QueryRefused(_("delimiter is comma or semicolon."))
    return Upload(kind=kind, dry_run=flag_of(request, "dry_run"), delimiter=delimiter if media_type == CSV else None)


def flag_of(request: Request, name: str) -> bool:
    """A flag of the query, false where it is absent. Raises QueryRefused unless it is true or false."""
    flag = FLAGS.get(request.query_params.get(name, "false"))
    if flag is None:
        raise QueryRefused(_("%(name)s is true or false.") % {"name": name})
    return flag


def _media_type(request: Request) -> str:
    coding = request.META.get("HTTP_CONTENT_ENCODING", "identity").lower()
    if coding not in {"", "identity"}:
        raise UnsupportedMediaType(coding, detail=_("Send the body without Content-Encoding."))
    media_type, _semicolon, options = str(request.content_type or "").lower().partition(";")
    charset = options.replace(" ", "").replace('"', "").removeprefix("charset=") if "charset" in options else "utf-8"
    if media_type.strip() not in {NDJSON, CSV} or charset != "utf-8":
        raise UnsupportedMediaType(media_type, detail=_("Send application/x-ndjson or text/csv, in UTF-8."))
    return media_type.strip()
