"""Risk over REST: each view reads a request, calls the domain once and answers."""

import time
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.idempotency import IdempotentMixin
from apps.api.limits.policies import Kind
from apps.api.pagination import CursorPagination
from apps.api.prefer import preferred_wait_s
from apps.api.views import ApiView
from riskscore import selectors, services
from riskscore.anomalies import AnomalyType
from riskscore.api.answers import assessment_document, label_document
from riskscore.api.examples import ASSESSMENT_EXAMPLES
from riskscore.api.filters import AssessmentFilter
from riskscore.api.schemas import AssessmentPageSerializer, AssessmentSerializer, LabelSerializer
from riskscore.api.serializers import AssessmentRequestSerializer, FeedbackSerializer
from riskscore.models import Label, RiskAssessment

PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`wait=2` or `wait-ms=120`: how long to wait for the answer (1 s unless said, 30 s at most). "
    "`respond-async`: not at all.",
)
PAGE = (
    OpenApiParameter("cursor", str, description="From `next` or `previous`."),
    OpenApiParameter("limit", int, description="1 to 200; 50 unless said."),
)


class AssessmentsView(IdempotentMixin):
    """Assessments of the caller's institution."""

    required_scopes = {"GET": ("risk.read",), "POST": ("risk.write",)}
    limited_as = {"POST": Kind.SCORING}

    @extend_schema(
        operation_id="risk_assessments_create",
        parameters=[PREFER],
        request=AssessmentRequestSerializer,
        responses={200: AssessmentSerializer, 201: AssessmentSerializer, 202: AssessmentSerializer},
        examples=ASSESSMENT_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Assess an event.

        201 with the result if it is there within the wait, otherwise 202 with the operation to follow in
        `Location`. 200 if this event was assessed before under another key. Past `deadline_ms` the rules alone
        answer: `degraded` is then true, `score` null, and the outcome at least a review.
        """
        started = time.perf_counter()
        wait_s = preferred_wait_s(request)
        serializer = AssessmentRequestSerializer(data=request.data, context={"now": timezone.now()})
        assessment, created = services.assess_event(
            client=self.client,
            event=serializer.event(),
            deadline_s=serializer.validated_data["deadline_ms"] / 1000,
            wait_s=wait_s,
            clock=timezone.now,
        )
        if not created:  # which noted itself
            self.note_read("risk_assessment.read", assessment, assessment_document(assessment))
        self._timings_of(assessment, started)
        return _answer(request, assessment, created=created)

    @extend_schema(
        operation_id="risk_assessments_list",
        parameters=[AssessmentFilter, *PAGE],
        responses=AssessmentPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """Assessments, the latest first."""
        paginator = CursorPagination()
        owned = selectors.assessments_of(self.institution.pk)
        found = AssessmentFilter.of(request).applied(owned, institution_id=self.institution.pk)
        page = paginator.paginate_queryset(found, request, view=self) or []
        self.note_list("risk_assessment.listed", RiskAssessment, [assessment.pk for assessment in page])
        return paginator.get_paginated_response([assessment_document(assessment) for assessment in page])

    def _timings_of(self, assessment: RiskAssessment, started: float) -> None:
        if assessment.queue_ms is not None and assessment.infer_ms is not None:
            self.timed("queue", assessment.queue_ms)
            self.timed("infer", assessment.infer_ms)
        self.timed("total", 1000 * (time.perf_counter() - started))


class AssessmentView(ApiView):
    """One assessment of the caller's institution."""

    required_scopes = {"GET": ("risk.read",)}

    @extend_schema(operation_id="risk_assessments_retrieve", responses=AssessmentSerializer)
    def get(self, _request: Request, assessment_id: UUID) -> Response:
        """An assessment as it stands."""
        found = selectors.access_assessment(institution_id=self.institution.pk, assessment_id=assessment_id)
        document = assessment_document(found)
        self.note_read("risk_assessment.read", found, document)
        return Response(document)


class FeedbackView(IdempotentMixin):
    """Labels of one assessment."""

    required_scopes = {"POST": ("risk.write",)}

    @extend_schema(
        operation_id="risk_assessments_feedback", request=FeedbackSerializer, responses={201: LabelSerializer}
    )
    def post(self, request: Request, assessment_id: UUID) -> Response:
        """Tell what an assessed event turned out to be. Earlier labels stay; the latest counts."""
        now = timezone.now()
        told: dict[str, Any] = FeedbackSerializer(data=request.data, context={"now": now}).checked()
        anomaly = told["anomaly_type"]
        label = services.record_feedback(
            assessment=selectors.access_assessment(institution_id=self.institution.pk, assessment_id=assessment_id),
            verdict=Label.Verdict(told["verdict"]),
            source=Label.Source(told["reported_by"]),
            labelled_at=told["labelled_at"],
            anomaly=None if anomaly is None else AnomalyType(anomaly),
            now=now,
            actor=self.actor,
        )
        return Response(label_document(label), status=201)


def _answer(request: Request, assessment: RiskAssessment, *, created: bool) -> Response:
    document = assessment_document(assessment)
    if document["status"] == "pending":
        headers = {"Location": document["operation"]}
        status = 202
    else:
        headers = {"Location": f"/api/v1/risk/assessments/{assessment.pk}"}
        status = 201 if created else 200
    applied = _applied(request, status)
    return Response(document, status=status, headers=headers | ({"Preference-Applied": applied} if applied else {}))


def _applied(request: Request, status: int) -> str:
    """The part of ``Prefer`` that was heeded, as RFC 7240 has it told back."""
    asked = [part.strip() for part in str(request.META.get("HTTP_PREFER", "")).split(",")]
    waits = [part for part in asked if part.startswith(("wait=", "wait-ms="))]
    if waits:
        return waits[0]
    return "respond-async" if status == 202 and "respond-async" in asked else ""
