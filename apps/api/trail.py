"""The institution's own audit trail over REST, as JSON or as FHIR."""

from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.pagination import CursorPagination
from apps.api.serializers import StrictSerializer
from apps.api.views import ApiView
from apps.audit import fhir
from apps.audit.documents import event_document
from apps.audit.models import AuditEvent

PAGE_PARAMETERS = frozenset({"cursor", "limit"})
COLUMNS = {
    "action": "action",
    "subject": "subject_id",
    "actor": "actor",
    "outcome": "outcome",
    "from": "at__gte",
    "to": "at__lt",
}


class FHIRRenderer(JSONRenderer):
    """FHIR's own media type for JSON."""

    media_type = fhir.MEDIA_TYPE
    format = "fhir"


class TrailPages(CursorPagination):
    """The latest act first."""

    ordering = ("-at", "-pk")


class TrailFilter(StrictSerializer):
    """Query parameters of the list; all that are given must hold."""

    action = serializers.CharField(max_length=100, required=False)
    subject = serializers.CharField(max_length=64, required=False)
    actor = serializers.CharField(max_length=200, required=False)
    outcome = serializers.ChoiceField(AuditEvent.Outcome.choices, required=False)

    def get_fields(self) -> dict[str, Any]:
        """The two that are words of Python among them."""
        return super().get_fields() | {name: serializers.DateTimeField(required=False) for name in ("from", "to")}

    @classmethod
    def of(cls, request: Request) -> Q:
        """What a request asks for. Raises UnprocessableBody for what is unknown or malformed."""
        told = {name: value for name, value in request.query_params.items() if name not in PAGE_PARAMETERS}
        asked: dict[str, Any] = cls(data=told).checked()
        return Q(*((COLUMNS[name], value) for name, value in asked.items()))


class SealSerializer(serializers.Serializer[Any]):
    """An event's place in its institution's chain."""

    position = serializers.IntegerField(min_value=1)
    digest = serializers.CharField()
    key_id = serializers.CharField()
    form = serializers.IntegerField()
    sealed_at = serializers.DateTimeField()


class SubjectSerializer(serializers.Serializer[Any]):
    """What an act was about."""

    type = serializers.CharField()
    id = serializers.CharField(allow_blank=True)


class AuditEventSerializer(serializers.Serializer[Any]):
    """Who did what to which record. Never holds what the record holds."""

    id = serializers.UUIDField()
    institution = serializers.UUIDField()
    at = serializers.DateTimeField()
    actor = serializers.CharField(help_text=_("client:<id>, user:<id>, command:<name>, system"))
    action = serializers.CharField(help_text=_("What was done, as subject.verb."))
    outcome = serializers.ChoiceField(AuditEvent.Outcome.choices)
    subject = SubjectSerializer()
    details = serializers.DictField(help_text=_("Counts, digests and codes; never contents."))
    content_digest = serializers.CharField(allow_null=True)
    address = serializers.CharField(allow_null=True)
    request_id = serializers.CharField(allow_null=True)
    seal = SealSerializer(allow_null=True, help_text=_("Null for a few seconds, until a sealer has passed."))


class AuditEventPageSerializer(serializers.Serializer[Any]):
    """A part of the trail, and where the parts beside it are."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AuditEventSerializer(many=True)


def _parameter(name: str, kind: Any = str, text: str = "") -> OpenApiParameter:
    return OpenApiParameter(name, kind, description=text)


PARAMETERS = [
    _parameter("action", text="E.g. `risk_assessment.read`."),
    _parameter("subject", text="Id of a record."),
    _parameter("actor", text="E.g. `client:` and its id."),
    OpenApiParameter("outcome", str, enum=AuditEvent.Outcome.values),
    _parameter("from", OpenApiTypes.DATETIME, "Including this moment."),
    _parameter("to", OpenApiTypes.DATETIME, "Excluding this moment."),
    _parameter("cursor", text="From `next` or `previous`."),
    _parameter("limit", int, "1 to 200; 50 unless said."),
]


class AuditEventsView(ApiView):
    """The trail of the caller's institution. To read it is an act, and becomes an event."""

    renderer_classes = (JSONRenderer, FHIRRenderer)
    required_scopes = {"GET": ("audit.read",)}

    @extend_schema(
        operation_id="audit_events_list",
        parameters=[*PARAMETERS],
        responses={(200, "application/json"): AuditEventPageSerializer, (200, fhir.MEDIA_TYPE): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request) -> Response:
        """Acts, the latest first.

        With `Accept: application/fhir+json` a Bundle of FHIR R4 AuditEvents, after IHE's Basic Audit Log Patterns.
        """
        pages = TrailPages()
        own = AuditEvent.objects.filter(institution=self.institution).select_related("seal")
        page = pages.paginate_queryset(own.filter(TrailFilter.of(request)), request, view=self) or []
        self.note_list("audit_event.listed", AuditEvent, [event.pk for event in page])
        if isinstance(request.accepted_renderer, FHIRRenderer):
            links = {"self": request.build_absolute_uri(), "next": pages.get_next_link()}
            return Response(fhir.bundle(page, links=links))
        return pages.get_paginated_response([event_document(event) for event in page])
