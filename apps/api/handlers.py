"""Django's last resorts, in the language of the API where the API was addressed."""

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views import defaults

from apps.api.problems import Problem, plain_response


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400 for a request that Django itself found suspicious."""
    if not _is_api(request):
        return defaults.bad_request(request, exception)
    return plain_response(request, Problem(status=400, code="malformed", detail=_("The request is malformed.")))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403 outside of any API view."""
    if not _is_api(request):
        return defaults.permission_denied(request, exception)
    return plain_response(request, Problem(status=403, code="permission_denied", detail=_("This is not allowed.")))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404 for an address that no view answers."""
    if not _is_api(request):
        return defaults.page_not_found(request, exception)
    return plain_response(request, Problem(status=404, code="not_found", detail=_("There is no such address.")))


def server_error(request: HttpRequest) -> HttpResponse:
    """500 that says nothing but the request's id, under which the logs say more."""
    if not _is_api(request):
        return defaults.server_error(request)
    detail = _("An unexpected error was recorded under this request's id.")
    return plain_response(request, Problem(status=500, code="internal_error", detail=detail))


def _is_api(request: HttpRequest) -> bool:
    return request.path_info.startswith(("/api/", "/v1/"))
