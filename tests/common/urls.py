"""A view that fails with a secret in every place a report could take it from."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.views import ApiView
from settings.urls import handler400, handler403, handler404, handler500

__all__ = ["handler400", "handler403", "handler404", "handler500"]


class Failing(ApiView):
    authentication_classes = ()
    permission_classes = ()

    def post(self, request: Request, memo: str) -> Response:
        local = request.data
        raise RuntimeError(f"{memo} {local}")


urlpatterns = [path("api/fail/<str:memo>", Failing.as_view())]
