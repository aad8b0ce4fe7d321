"""Institutions, API clients and their keys for operators: shown and revoked, never edited."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.common.admin import ReadOnlyAdmin
from apps.tenants.keys import revoke_key
from apps.tenants.models import ApiClient, ClientKey, Institution
from apps.tenants.services import revoke_client


@admin.register(Institution)
class InstitutionAdmin(ReadOnlyAdmin):
    """Banks and hospitals."""

    list_display = ("name", "kind", "created_at")
    list_filter = ("kind",)
    search_fields = ("name",)
    ordering = ("name",)


class KeysInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the type stubs only
    """A client's keys by their prefixes; what they open with is nowhere to be shown."""

    model = ClientKey
    fields = readonly_fields = ("prefix", "created_at", "expires_at", "revoked_at", "last_used_at")
    ordering = ("-created_at",)
    extra = 0
    can_delete = False

    def has_add_permission(self, _request: HttpRequest, _obj: Any = None) -> bool:
        """Keys are issued by command, which shows them once."""
        return False


@admin.register(ApiClient)
class ApiClientAdmin(ReadOnlyAdmin):
    """Systems that call the API, what they may do, and the visible part of their keys."""

    list_display = ("name", "institution", "mode", "created_at", "expires_at", "revoked_at")
    list_filter = ("mode", "institution")
    list_select_related = ("institution",)
    fields = ("name", "institution", "mode", "scopes", "created_at", "expires_at", "revoked_at")
    inlines = (KeysInline,)
    ordering = ("-created_at",)
    actions = ("revoke",)

    @admin.action(description=_("Revoke: every key and token is dead at once"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, clients: QuerySet[ApiClient]) -> None:
        """Part from these systems, those that were not parted from before."""
        now, actor = timezone.now(), f"user:{request.user.pk}"
        rows = clients.filter(revoked_at__isnull=True).order_by("pk")
        gone = [revoke_client(client=client, now=now, actor=actor) for client in rows]
        self.message_user(request, _("Revoked: %(count)d.") % {"count": len(gone)})

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Operators may; the site lets nobody else in, and them with a second factor alone."""
        return bool(request.user.is_staff)


@admin.register(ClientKey)
class ClientKeyAdmin(ReadOnlyAdmin):
    """Keys of all clients, by what may be shown of them."""

    list_display = ("prefix", "client", "institution", "created_at", "expires_at", "revoked_at", "last_used_at")
    list_filter = ("institution",)
    list_select_related = ("client", "institution")
    fields = list_display
    ordering = ("-created_at",)
    actions = ("revoke",)

    @admin.action(description=_("Revoke: this key is dead at once, the client's others stay"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ClientKey]) -> None:
        """Revoke these keys, those that were not revoked before."""
        now, actor = timezone.now(), f"user:{request.user.pk}"
        rows = keys.filter(revoked_at__isnull=True).order_by("pk")
        gone = [revoke_key(key=key, now=now, actor=actor) for key in rows]
        self.message_user(request, _("Revoked: %(count)d.") % {"count": len(gone)})

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        """Operators may, as with clients."""
        return bool(request.user.is_staff)
