"""Webhooks over REST: each view reads a request, calls the domain once and answers."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.idempotency import IdempotentMixin
from apps.api.pagination import CursorPagination
from apps.api.problems import RequestRefused
from apps.api.views import ApiView
from apps.webhooks import services
from apps.webhooks.api.examples import ENDPOINT_EXAMPLES
from apps.webhooks.api.serializers import (
    EndpointChangeSerializer,
    NewEndpointSerializer,
    WebhookDeliveryPageSerializer,
    WebhookDeliverySerializer,
    WebhookEndpointPageSerializer,
    WebhookEndpointSerializer,
    WebhookEndpointWithSecretSerializer,
)
from apps.webhooks.models import WebhookDelivery, WebhookEndpoint

TAGS = ["webhook-endpoints"]
READ, WRITE = ("webhooks.read",), ("webhooks.write",)
SCOPES = {"GET": READ, "POST": WRITE, "PATCH": WRITE, "DELETE": WRITE}
STATUS = OpenApiParameter("status", str, enum=WebhookDelivery.Status.values, description="Deliveries that are so.")
PAGE = (
    OpenApiParameter("cursor", str, description="From `next` or `previous`."),
    OpenApiParameter("limit", int, description="1 to 200; 50 unless said."),
)


class EndpointsView(ApiView):
    """Endpoints of the caller's institution."""

    required_scopes = SCOPES
    problems = (409,)  # as many as there may be

    @extend_schema(
        operation_id="webhook_endpoints_create",
        tags=TAGS,
        request=NewEndpointSerializer,
        responses={201: WebhookEndpointWithSecretSerializer},
        examples=ENDPOINT_EXAMPLES,
    )
    def post(self, request: Request) -> Response:
        """Register an address that wants to be told. The answer holds its secret, once."""
        told = NewEndpointSerializer(data=request.data).checked()
        endpoint = services.create_endpoint(institution=self.institution, actor=self.actor, now=timezone.now(), **told)
        headers = {"Location": f"/api/v1/webhook-endpoints/{endpoint.pk}"}
        return Response(WebhookEndpointWithSecretSerializer(endpoint).data, status.HTTP_201_CREATED, headers=headers)

    @extend_schema(
        operation_id="webhook_endpoints_list", tags=TAGS, parameters=[*PAGE], responses=WebhookEndpointPageSerializer
    )
    def get(self, request: Request) -> Response:
        """Endpoints, the latest first."""
        owned = WebhookEndpoint.objects.filter(institution_id=self.institution.pk)
        return _page(self, request, owned, WebhookEndpointSerializer)


class OfEndpoint(ApiView):
    """Whatever concerns one endpoint of the caller's institution."""

    required_scopes = SCOPES

    def endpoint(self, endpoint_id: UUID) -> WebhookEndpoint:
        """The endpoint of the path. Raises NotFound."""
        return services.access_endpoint(institution_id=self.institution.pk, endpoint_id=endpoint_id)


class EndpointView(OfEndpoint):
    """One endpoint of the caller's institution."""

    @extend_schema(operation_id="webhook_endpoints_retrieve", tags=TAGS, responses=WebhookEndpointSerializer)
    def get(self, _request: Request, endpoint_id: UUID) -> Response:
        """An endpoint as it stands."""
        return Response(WebhookEndpointSerializer(self.endpoint(endpoint_id)).data)

    @extend_schema(
        operation_id="webhook_endpoints_update",
        tags=TAGS,
        request=EndpointChangeSerializer,
        responses=WebhookEndpointSerializer,
    )
    def patch(self, request: Request, endpoint_id: UUID) -> Response:
        """Change what is named, or switch the endpoint off or on again."""
        told = EndpointChangeSerializer(data=request.data).checked()
        endpoint = services.change_endpoint(
            endpoint=self.endpoint(endpoint_id), actor=self.actor, now=timezone.now(), **told
        )
        return Response(WebhookEndpointSerializer(endpoint).data)

    @extend_schema(operation_id="webhook_endpoints_delete", tags=TAGS, responses={204: None})
    def delete(self, _request: Request, endpoint_id: UUID) -> Response:
        """Remove an endpoint and its log. What it has not been told yet it will not be told."""
        services.delete_endpoint(endpoint=self.endpoint(endpoint_id), actor=self.actor, now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class SecretView(OfEndpoint):
    """The secret of one endpoint."""

    body_required = False

    @extend_schema(
        operation_id="webhook_endpoints_rotate_secret",
        tags=TAGS,
        request=None,
        responses={200: WebhookEndpointWithSecretSerializer},
    )
    def post(self, _request: Request, endpoint_id: UUID) -> Response:
        """Give the endpoint a new secret, shown here once. For 24 hours messages are signed with both."""
        endpoint = services.rotate_secret(endpoint=self.endpoint(endpoint_id), actor=self.actor, now=timezone.now())
        return Response(WebhookEndpointWithSecretSerializer(endpoint).data)


class PingView(OfEndpoint):
    """Tests of one endpoint."""

    body_required = False
    problems = (409,)  # switched off

    @extend_schema(
        operation_id="webhook_endpoints_test", tags=TAGS, request=None, responses={202: WebhookDeliverySerializer}
    )
    def post(self, _request: Request, endpoint_id: UUID) -> Response:
        """Send a `ping`, whatever the endpoint asked for. Its log tells what came of it."""
        delivery = services.ping(endpoint=self.endpoint(endpoint_id), now=timezone.now())
        return Response(WebhookDeliverySerializer(delivery).data, status.HTTP_202_ACCEPTED)


class DeliveriesView(OfEndpoint):
    """What one endpoint was told."""

    @extend_schema(
        operation_id="webhook_endpoints_deliveries",
        tags=TAGS,
        parameters=[STATUS, *PAGE],
        responses=WebhookDeliveryPageSerializer,
    )
    def get(self, request: Request, endpoint_id: UUID) -> Response:
        """Deliveries with their attempts, the latest first."""
        log = self.endpoint(endpoint_id).deliveries.prefetch_related("attempts")
        wanted = request.query_params.get("status")
        if wanted is not None and wanted not in WebhookDelivery.Status.values:
            raise RequestRefused(_("There is no such status of a delivery."), code="unknown_status")
        return _page(self, request, log.filter(status=wanted) if wanted else log, WebhookDeliverySerializer)


class ReplayView(IdempotentMixin):
    """Deliveries, once more."""

    required_scopes = SCOPES
    body_required = False

    @extend_schema(
        operation_id="webhook_endpoints_replay", tags=TAGS, request=None, responses={202: WebhookDeliverySerializer}
    )
    def post(self, _request: Request, endpoint_id: UUID, delivery_id: UUID) -> Response:
        """Send a message again, under the same `webhook-id` and with the same body."""
        delivery = services.access_delivery(
            institution_id=self.institution.pk, endpoint_id=endpoint_id, delivery_id=delivery_id
        )
        again = services.replay(delivery=delivery, actor=self.actor, now=timezone.now())
        return Response(WebhookDeliverySerializer(again).data, status.HTTP_202_ACCEPTED)


def _page(view: ApiView, request: Request, rows: "QuerySet[Any]", serializer: Any) -> Response:
    paginator = CursorPagination()
    page = paginator.paginate_queryset(rows, request, view=view) or []
    return paginator.get_paginated_response(serializer(page, many=True).data)
