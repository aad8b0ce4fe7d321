"""Batches over REST."""

from typing import Any
from uuid import UUID

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.idempotency import IdempotentMixin
from apps.api.limits.policies import Kind
from apps.api.pagination import CursorPagination
from apps.api.problems import RequestRefused
from apps.api.scopes import InsufficientScope
from apps.api.views import ApiView
from apps.batches import kinds, selectors, services
from apps.batches.api.examples import CSV_EXAMPLE, NDJSON_EXAMPLE
from apps.batches.api.renderers import CSV, NDJSON, CSVRenderer, NDJSONRenderer
from apps.batches.api.serializers import (
    BatchPageSerializer,
    BatchRowPageSerializer,
    BatchSerializer,
    batch_document,
    batch_documents,
)
from apps.batches.api.uploads import flag_of, upload_of
from apps.batches.models import Batch, BatchRow
from apps.batches.reading import MOST_BYTES
from apps.batches.results import csv_file, ndjson, row_document
from apps.jobs import services as jobs

READ, WRITE = ("batches.read",), ("batches.write",)
SCOPES = {"GET": READ, "POST": WRITE, "DELETE": WRITE}
SHOWN = {"queued": BatchRow.Status.RECEIVED.value} | {
    value: value for value in BatchRow.Status.values if value != BatchRow.Status.RECEIVED
}
PAGE = (
    OpenApiParameter("cursor", str, description="From `next` or `previous`."),
    OpenApiParameter("limit", int, description="1 to 200; 50 unless said."),
)
UPLOAD = (
    OpenApiParameter("type", str, required=True, enum=["risk.assessments", "risk.events"], description="Of the rows."),
    OpenApiParameter("dry_run", bool, description="Check the rows and store nothing of them but the report."),
    OpenApiParameter(
        "delimiter", str, enum=["comma", "semicolon"], description="Between the cells of a CSV file; comma unless said."
    ),
)


class BatchesView(IdempotentMixin):
    """Batches of the caller's institution."""

    required_scopes = SCOPES
    limited_as = {"POST": Kind.BATCHES}
    max_body_bytes = MOST_BYTES

    received: services.Received | None = None

    def body_sha256(self, request: Request) -> str:
        """Read the body into rows as it comes; nothing is promised for them yet.

        Raises:
            InsufficientScope: the caller may not do one by one what the rows ask for.
        """
        upload = upload_of(request)
        needed = kinds.get(upload.kind).scopes
        if not set(needed) <= set(getattr(request.user, "scopes", ())):
            raise InsufficientScope(needed)
        self.received = services.receive(client=self.client, upload=upload, read=request.read, now=timezone.now())
        return self.received.sha256

    @extend_schema(
        operation_id="batches_create",
        parameters=[*UPLOAD],
        request={
            NDJSON: OpenApiRequest(OpenApiTypes.STR, examples=[NDJSON_EXAMPLE]),
            CSV: OpenApiRequest(OpenApiTypes.STR, examples=[CSV_EXAMPLE]),
        },
        responses={202: BatchSerializer},
    )
    def post(self, _request: Request) -> Response:
        """Send many rows at once, as NDJSON or as CSV whose header names fields by dotted paths.

        Up to 100,000 rows and 64 MiB. 202 once all rows are stored; each is then worked on by itself, after
        whatever somebody waits for, in the order sent. A row that cannot be read spoils no other.
        """
        assert self.received is not None
        batch = services.open_batch(
            batch_id=self.received.batch_id,
            request_key=self.idempotency_id,
            actor=self.actor,
            now=timezone.now(),
        )
        headers = {"Location": f"/api/v1/batches/{batch.pk}"}
        return Response(batch_document(batch), status.HTTP_202_ACCEPTED, headers=headers)

    @extend_schema(operation_id="batches_list", parameters=[*PAGE], responses=BatchPageSerializer)
    def get(self, request: Request) -> Response:
        """Batches, the latest first."""
        owned = Batch.objects.filter(institution_id=self.institution.pk).exclude(status=Batch.Status.RECEIVING)
        paginator = CursorPagination()
        page = paginator.paginate_queryset(owned.select_related("job"), request, view=self) or []
        return paginator.get_paginated_response(batch_documents(page))

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Forget what was received where nothing came of it: a refusal, or an answer of the first time."""
        if self.received is not None:
            services.discard(batch_id=self.received.batch_id)
        return super().finalize_response(request, response, *args, **kwargs)


class OfBatch(ApiView):
    """Whatever concerns one batch of the caller's institution."""

    required_scopes = SCOPES

    def batch(self, batch_id: UUID) -> Batch:
        """The batch of the path. Raises NotFound."""
        return selectors.access_batch(batch_id=batch_id, institution_id=self.institution.pk)


class BatchView(OfBatch):
    """One batch."""

    problems = (409,)  # ended already

    @extend_schema(operation_id="batches_retrieve", responses=BatchSerializer)
    def get(self, _request: Request, batch_id: UUID) -> Response:
        """A batch as it stands: how many rows were valid, are done, or failed."""
        return Response(batch_document(self.batch(batch_id)))

    @extend_schema(operation_id="batches_cancel", responses={204: None})
    def delete(self, _request: Request, batch_id: UUID) -> Response:
        """Cancel a batch. Rows that were begun are finished; 409 once it has ended."""
        batch = self.batch(batch_id)
        assert batch.job_id is not None
        jobs.cancel(job_id=batch.job_id, institution_id=self.institution.pk, actor=self.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class RowNumbers(CursorPagination):
    """Rows in the order of the upload."""

    ordering = ("number",)


class RowsView(OfBatch):
    """Rows of one batch."""

    @extend_schema(
        operation_id="batches_rows",
        parameters=[OpenApiParameter("status", str, enum=list(SHOWN), description="Rows that are so."), *PAGE],
        responses=BatchRowPageSerializer,
    )
    def get(self, request: Request, batch_id: UUID) -> Response:
        """Rows with what is wrong with them, in the order of the upload; what was sent is not shown again."""
        rows = self.batch(batch_id).rows.defer("content", "result")
        wanted = request.query_params.get("status")
        if wanted is not None and wanted not in SHOWN:
            raise RequestRefused(_("There is no such status of a row."), code="unknown_status")
        paginator = RowNumbers()
        found = rows if wanted is None else rows.filter(status=SHOWN[wanted])
        page = paginator.paginate_queryset(found, request, view=self) or []
        return paginator.get_paginated_response([row_document(row) for row in page])


class ResultsView(OfBatch):
    """What came of one batch."""

    renderer_classes = (NDJSONRenderer, CSVRenderer, *ApiView.renderer_classes)
    problems = (409,)  # runs still

    @extend_schema(
        operation_id="batches_results",
        parameters=[OpenApiParameter("partial", bool, description="What is there, while the batch still runs.")],
        responses={(200, NDJSON): OpenApiResponse(OpenApiTypes.STR), (200, CSV): OpenApiResponse(OpenApiTypes.STR)},
    )
    def get(self, request: Request, batch_id: UUID) -> HttpResponseBase:
        """Results as a file, NDJSON or by `Accept: text/csv` CSV; 409 while the batch runs, unless `partial=true`."""
        batch = self.batch(batch_id)
        rows = selectors.results_of(batch, partial=flag_of(request, "partial"))
        self.note("batch.results_read", batch)
        as_csv = request.accepted_renderer.media_type == CSV
        content = csv_file(rows, kinds.get(batch.kind).columns) if as_csv else ndjson(rows)
        name = f"batch-{batch.pk}.{'csv' if as_csv else 'ndjson'}"
        headers = {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingHttpResponse(content, content_type=CSV if as_csv else NDJSON, headers=headers)
