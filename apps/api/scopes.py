"""What a caller's key or token allows, endpoint by endpoint."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

Scopes = Mapping[str, tuple[str, ...]]  # by HTTP method, all of them needed


class InsufficientScope(PermissionDenied):
    """The caller is known, but was not granted what this takes (RFC 6750, 3.1)."""

    default_code = "insufficient_scope"

    def __init__(self, needed: tuple[str, ...]) -> None:
        names = " ".join(needed)
        super().__init__(_("This takes the scope %(names)s.") % {"names": names})
        self.auth_header = f'Bearer realm="assay", error="insufficient_scope", scope="{names}"'


class HasScopes(BasePermission):
    """Lets a caller through who was granted every scope that the view's ``required_scopes`` name for the method.

    A method that a view serves without saying what it takes is open to nobody.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether the request may go on.

        Raises:
            InsufficientScope: a scope is missing.
        """
        needed = needed_scopes(view, str(request.method))
        if needed is None:
            return False
        granted: frozenset[str] = getattr(request.user, "scopes", frozenset())
        if not granted.issuperset(needed):
            raise InsufficientScope(needed)
        return True


def needed_scopes(view: Any, method: str) -> tuple[str, ...] | None:
    """What a method of a view takes: HEAD what GET takes; nothing for OPTIONS or for what is not served anyway.

    None where the view serves the method and does not say.
    """
    method = "GET" if method == "HEAD" else method
    if method == "OPTIONS" or not hasattr(view, method.lower()):
        return ()
    required: Scopes = getattr(view, "required_scopes", {})
    return required.get(method)
