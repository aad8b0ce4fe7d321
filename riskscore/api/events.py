"""History over REST."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiRequest, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.limits.policies import Kind
from apps.api.parsers import HardenedJSONParser
from apps.api.problems import FieldError, RequestRefused, flattened
from apps.api.serializers import UnprocessableBody
from apps.api.views import ApiView
from riskscore import services
from riskscore.api.examples import EVENT_EXAMPLES
from riskscore.api.parsers import MOST_LINES, Line, NDJSONParser
from riskscore.api.schemas import IngestedSerializer
from riskscore.api.serializers import EventSerializer
from riskscore.events import Event

ONE_OR_SEVERAL: dict[str, Any] = {
    "oneOf": [
        {"$ref": "#/components/schemas/Event"},
        {
            "type": "array",
            "maxItems": MOST_LINES,
            "items": {},
            "description": "Events. One that does not fit is rejected by itself, and named in the answer.",
        },
    ]
}


class EventsView(ApiView):
    """What a bank tells without asking for a score."""

    required_scopes = {"POST": ("events.write",)}
    limited_as = {"POST": Kind.HISTORY}
    problems = (409,)
    parser_classes = (HardenedJSONParser, NDJSONParser)
    max_body_bytes = 16 * 1024 * 1024  # 10,000 events of 1.6 kB

    @extend_schema(
        operation_id="events_create",
        request={
            "application/json": OpenApiRequest(ONE_OR_SEVERAL, examples=EVENT_EXAMPLES),
            "application/x-ndjson": OpenApiRequest(EventSerializer),
        },
        responses={202: IngestedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Append events to their accounts' histories, in the order told; none is scored.

        One event or a list as JSON, or one event a line as `application/x-ndjson`, up to 10,000. A single event
        that cannot be taken is refused with 422 or 409. Of several, every event stands for itself: those that
        are not rejected are stored when this is answered. Safe to repeat, since an event's id is stored once.
        """
        now = timezone.now()
        if isinstance(request.data, list):
            lines = list(_lines(request.data))
            self.spend(Kind.HISTORY, cost=len(lines))
            return Response(self._several(lines, now), status=202)
        event = EventSerializer(data=request.data, context={"now": now}).event()
        self.spend(Kind.HISTORY)
        done = services.ingest_event(institution_id=self.institution.pk, event=event, now=now, actor=self.actor)
        return Response({"accepted": done.accepted, "duplicates": done.duplicates, "rejected": []}, status=202)

    def _several(self, lines: Iterable[Line], now: datetime) -> dict[str, Any]:
        rejected: list[tuple[int, FieldError]] = []
        events: dict[int, Event] = {}
        for line in lines:
            event, errors = _read(line, now)
            rejected += [(line.number, error) for error in errors]
            if event is not None:
                events[line.number] = event
        done = services.ingest_events(institution_id=self.institution.pk, events=events, now=now, actor=self.actor)
        rejected += [(number, _differs()) for number in done.differing]
        return {
            "accepted": done.accepted,
            "duplicates": done.duplicates,
            "rejected": [{"line": number, **asdict(error)} for number, error in sorted(rejected, key=_by_line)],
        }


def _lines(body: list[Any]) -> Iterator[Line]:
    if body and isinstance(body[0], Line):
        return iter(body)
    if len(body) > MOST_LINES:
        raise RequestRefused(_("A body may have at most %(events)d events.") % {"events": MOST_LINES}, code="too_many")
    return (Line(number=number, document=document) for number, document in enumerate(body, start=1))


def _read(line: Line, now: datetime) -> tuple[Event | None, tuple[FieldError, ...]]:
    if line.flaw is not None:
        flaw = line.flaw
        return None, (FieldError(pointer=flaw.pointer, code=str(flaw.get_codes()), detail=str(flaw.detail)),)
    try:
        return EventSerializer(data=line.document, context={"now": now}).event(), ()
    except UnprocessableBody as wrong:
        return None, tuple(flattened(wrong.detail))


def _differs() -> FieldError:
    detail = _("An event with this id was told before, with other contents.")
    return FieldError(pointer="/id", code="event_differs", detail=detail)


def _by_line(rejection: tuple[int, FieldError]) -> int:
    return rejection[0]
