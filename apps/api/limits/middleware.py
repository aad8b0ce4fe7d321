"""Limits where nobody is known yet: attempts to sign in and requests for tokens, by address."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from apps.api.limits import policies
from apps.api.limits.limiter import limiter
from apps.api.limits.requests import RateLimited, headers, refuse
from apps.api.problems import plain_response, problem_of
from apps.common.addresses import address_of

PLACES = ("/oauth/", "/account/sign-in/", "/account/provider/", "/admin/login/")


class SignInLimitMiddleware:
    """Counts POSTs to where credentials are tried, and answers 429 where an address tries too often."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, or refuse it."""
        if request.method != "POST" or not request.path_info.startswith(PLACES):
            return self.get_response(request)
        counts = limiter().spend(policies.of_address(address_of(request)))
        try:
            refuse(counts, route="sign-in")
        except RateLimited as refused:
            problem = problem_of(refused)
            assert problem is not None
            response = plain_response(request, problem)
        else:
            response = self.get_response(request)
        for name, value in headers(counts).items():
            response.headers.setdefault(name, value)
        return response
