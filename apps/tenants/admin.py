"""Institutions, people and API clients for operators; keys are made and revoked by command, never edited."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.common.admin import ReadOnlyAdmin
from apps.tenants.models import ApiClient, ClientKey, Institution


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
