"""Where a request came from."""

from django.conf import settings
from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The address as the last proxy we trust saw it, or the connection's own without any.

    ``ASSAY_TRUSTED_PROXIES`` says how many proxies of ours stand in front; what was in the header before them
    anybody could have written.
    """
    direct = str(request.META.get("REMOTE_ADDR") or "")
    proxies: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    told = [part.strip() for part in str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",") if part.strip()]
    return told[-proxies] if 0 < proxies <= len(told) else direct
