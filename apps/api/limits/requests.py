"""Counting requests where the caller is known, and telling it how much is left.

Headers are those of draft-ietf-httpapi-ratelimit-headers-10: ``RateLimit-Policy`` names each quota ``q`` and its
window ``w`` in seconds; ``RateLimit`` what remains ``r``, and after how many seconds ``t`` some of it comes back.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.api.limits import metrics, policies
from apps.api.limits.door import Reason
from apps.api.limits.gate import INSTITUTION, OVERLOADED, ROUTE
from apps.api.limits.limiter import limiter
from apps.api.limits.policies import Kind
from apps.api.limits.windows import Count
from apps.api.problems import RequestRefused
from apps.common.errors import Overloaded
from apps.tenants.models import ApiClient


class RateLimited(Overloaded):
    """The caller has sent what it may send for now."""

    code = "rate_limited"


class MoreThanAllowed(RequestRefused):
    """One request alone is more than the caller may send in a whole window."""

    status_code = 413
    default_code = "more_than_allowed"


class Limited(APIView):
    """Counts every request of a known client against its policies.

    Attributes:
        limited_as: the kind of request by HTTP method; otherwise methods that change nothing are reads,
            and the others writes.
    """

    limited_as: ClassVar[Mapping[str, Kind]] = {}

    _counts: tuple[Count, ...] = ()

    def check_throttles(self, request: Request) -> None:
        """Count one request; REST framework asks after it knows the caller.

        Raises:
            RateLimited: not before ``retry_after_s``.
        """
        client = request.auth
        if not isinstance(client, ApiClient):
            return
        request.META[INSTITUTION] = str(client.institution_id)
        kind = self.limited_as.get(str(request.method))
        if kind is None:
            kind = Kind.READS if request.method in {"GET", "HEAD", "OPTIONS"} else Kind.WRITES
        if kind is not Kind.HISTORY:  # counted by the row, once the rows are known
            self.spend(kind)

    def spend(self, kind: Kind, cost: int = 1) -> None:
        """Count ``cost`` against what the client and its institution may send.

        Raises:
            RateLimited: nothing was counted.
            MoreThanAllowed: it never will be.
        """
        client = self.request.auth
        assert isinstance(client, ApiClient)
        applied = policies.of_client(client, kind)
        most = min(policy.quota for policy in applied)
        if cost > most:
            raise MoreThanAllowed(_("This is more than the %(quota)d that may be sent at once.") % {"quota": most})
        self._counts = tuple(limiter().spend(applied, cost))
        refuse(self._counts, route=route_of(self.request))

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Tell what is left; and tell the gate what came to too much."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        for name, value in headers(self._counts).items():
            answer[name] = value
        request.META[ROUTE] = route_of(request)
        if request.method == "POST" and answer.status_code in {429, 503} and "Retry-After" in answer:
            request.META[OVERLOADED] = True
        return answer


def refuse(counts: Sequence[Count], *, route: str) -> None:
    """Raise RateLimited unless the request was counted by every policy."""
    wait_ms = max((count.wait_ms for count in counts), default=0)
    if wait_ms:
        metrics.REFUSED.labels(reason=Reason.RATE, route=route).inc()
        raise RateLimited(_("You have sent as much as you may for now."), retry_after_s=wait_ms / 1000)


def headers(counts: Sequence[Count]) -> dict[str, str]:
    """The headers that say how the policies stand; none where none applied."""
    if not counts:
        return {}
    stated = [f'"{count.policy.name}";q={count.policy.quota};w={count.policy.window_s}' for count in counts]
    left = [
        f'"{count.policy.name}";r={max(0, count.policy.quota - count.used)};t={math.ceil(count.reset_ms / 1000)}'
        for count in counts
    ]
    return {"RateLimit-Policy": ", ".join(stated), "RateLimit": ", ".join(left)}


def route_of(request: Request) -> str:
    """The template of the address, as metrics name it."""
    match = request.resolver_match
    return match.route if match else "unmatched"
