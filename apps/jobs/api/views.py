"""Operations: asking how a job stands, and giving it up."""

from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.views import ApiView
from apps.jobs import selectors, services
from apps.jobs.api.serializers import Operation


class OperationView(ApiView):
    """One operation of the caller's institution."""

    required_scopes = {"GET": ("operations.read",), "DELETE": ("operations.write",)}

    @extend_schema(operation_id="operations_retrieve", tags=["operations"], responses=Operation)
    def get(self, _request: Request, job_id: UUID) -> Response:
        """How an operation stands."""
        job = selectors.access_job(job_id=job_id, institution_id=self.institution.pk)
        shown = Operation(job).data
        self.note_read("operation.read", job, shown)
        return Response(shown)

    @extend_schema(operation_id="operations_cancel", tags=["operations"], responses={204: None})
    def delete(self, _request: Request, job_id: UUID) -> Response:
        """Give an operation up. 409 once it has ended."""
        services.cancel(job_id=job_id, institution_id=self.institution.pk, now=timezone.now(), actor=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)
