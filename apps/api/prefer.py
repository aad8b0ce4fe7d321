"""How long a caller is willing to wait for an answer (RFC 7240)."""

import re

from django.http import HttpRequest
from rest_framework.request import Request

# wait-ms is Guidewire's extension: our own latency target lies well below one whole second.
PREFERENCE = re.compile(r"^\s*(respond-async|wait|wait-ms)\s*(?:=\s*\"?([0-9]{1,9})\"?\s*)?(?:;.*)?$", re.IGNORECASE)


def preferred_wait_s(request: Request | HttpRequest, default: float = 1.0, maximum: float = 30.0) -> float:
    """Seconds to wait before answering 202, from ``Prefer: wait=5``, ``wait-ms=120`` or ``respond-async``.

    The first ``wait`` counts, bounded by ``maximum``; ``respond-async`` alone means not at all.
    What cannot be read is ignored, as the RFC asks.
    """
    asynchronous = False
    for preference in request.META.get("HTTP_PREFER", "").split(","):
        match = PREFERENCE.match(preference)
        if match is None:
            continue
        name, value = match.group(1).lower(), match.group(2)
        if name == "respond-async":
            asynchronous = True
        elif value is not None:
            return min(int(value) / (1000 if name == "wait-ms" else 1), maximum)
    return 0.0 if asynchronous else default
