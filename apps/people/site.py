"""The administration's site: entered by this room's sign-in, and never on a password alone."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models.base import ModelBase
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from apps.people import sessions

UNSEEN = frozenset({"account", "mfa", "socialaccount", "auth", "sites"})  # credentials and what is not in use


class AdministrationSite(admin.AdminSite):
    """Shows operators what they look after. The middleware has turned others away; this asks once more."""

    site_title = site_header = _("Assay administration")
    site_url = "/account/"

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether this is an operator who has shown a second factor in this session."""
        return super().has_permission(request) and sessions.is_proved(request)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        """Take on a model's pages, but for those that other packages bring along."""
        models: list[Any] = [model_or_iterable] if isinstance(model_or_iterable, ModelBase) else list(model_or_iterable)
        seen = [model for model in models if model._meta.app_label not in UNSEEN]  # noqa: SLF001 - public
        super().register(seen, admin_class, **options)

    def login(self, request: HttpRequest, _extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Send strangers to the one place where people sign in."""
        if request.user.is_authenticated:
            raise PermissionDenied
        wanted = request.GET.get("next", request.get_full_path())
        return redirect(f"{redirect('account_login').url}?{urlencode({'next': wanted})}")

    def logout(self, _request: HttpRequest, _extra_context: dict[str, Any] | None = None) -> Any:
        """Send people to the one place where they sign out."""
        return redirect("account_logout")

    def password_change(self, _request: HttpRequest, _extra_context: dict[str, Any] | None = None) -> Any:
        """Send people to the one place where passwords change."""
        return redirect("account_change_password")
