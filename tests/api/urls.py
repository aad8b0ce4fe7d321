"""Small views behind the real plumbing, for tests of the plumbing."""

import threading
from typing import Any

from django.db import OperationalError
from django.urls import path
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.idempotency import IdempotentMixin
from apps.api.pagination import CursorPagination
from apps.api.prefer import preferred_wait_s
from apps.api.views import ApiView
from apps.common.errors import Conflict, InvalidInput, NotFound, Overloaded, Unavailable
from apps.tenants.models import ApiClient
from settings.urls import handler400, handler403, handler404, handler500
from settings.urls import urlpatterns as real

__all__ = ["handler400", "handler403", "handler404", "handler500"]


class RowSerializer(serializers.Serializer[Any]):
    amount = serializers.DecimalField(max_digits=18, decimal_places=2)


class DocumentSerializer(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=10)
    rows = RowSerializer(many=True, required=False)
    device = RowSerializer(required=False)


class Echo(ApiView):
    required_scopes = {"GET": ("risk.read",), "POST": ("risk.write",)}

    def post(self, request: Request) -> Response:
        self.timed("queue", 3.14)
        return Response({"document": request.data, "wait_s": preferred_wait_s(request)})

    def get(self, request: Request) -> Response:
        return Response({"client": str(self.client.pk), "institution": str(self.institution.pk)})


class Checked(ApiView):
    required_scopes = {"POST": ("risk.write",)}

    def post(self, request: Request) -> Response:
        document = DocumentSerializer(data=request.data)
        document.is_valid(raise_exception=True)
        return Response({})


RAISED: dict[str, Exception] = {
    "invalid": InvalidInput("no such day", code="no_such_day", pointer="/day"),
    "not_found": NotFound("no such thing"),
    "conflict": Conflict("not now"),
    "overloaded": Overloaded("full", retry_after_s=2.2),
    "unavailable": Unavailable("away"),
    "store": OperationalError("server closed the connection: canary-7f3a"),
    "unexpected": RuntimeError("canary-7f3a"),
}


class Raising(ApiView):
    required_scopes = {"GET": ("risk.read",)}

    def get(self, request: Request, what: str) -> Response:
        raise RAISED[what]


class Clients(ApiView):
    required_scopes = {"GET": ("risk.read",)}

    def get(self, request: Request) -> Response:
        pages = CursorPagination()
        rows = pages.paginate_queryset(ApiClient.objects.visible_to(self.institution), request, self) or []
        return pages.get_paginated_response([row.name for row in rows])


class Undeclared(ApiView):
    def get(self, request: Request) -> Response:
        return Response({})


class Once(IdempotentMixin, ApiView):
    """Counts its runs; fails as its body says; waits for `gate` when told to."""

    required_scopes = {"POST": ("risk.write",)}
    runs: list[Any] = []
    gate = threading.Event()

    def post(self, request: Request) -> Response:
        Once.runs.append(self.idempotency_id)
        match dict(request.data).get("then"):
            case "refuse":
                raise InvalidInput("refused")
            case "crash":
                raise RuntimeError("crashed")
            case "wait":
                Once.gate.wait(10)
        headers = {"Location": f"/things/{len(Once.runs)}", "X-Other": "not kept"}
        return Response({"run": len(Once.runs)}, 201, headers=headers)


urlpatterns = [
    path("api/test/echo", Echo.as_view()),
    path("api/test/checked", Checked.as_view()),
    path("api/test/raise/<str:what>", Raising.as_view()),
    path("api/test/clients", Clients.as_view()),
    path("api/test/undeclared", Undeclared.as_view()),
    path("api/test/once", Once.as_view()),
    path("api/test/once-elsewhere", Once.as_view()),
    *real,
]
