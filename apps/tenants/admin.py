"""Institutions, people and API clients for operators; keys are made and revoked by command, never edited."""

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.utils.translation import gettext_lazy as _

from apps.common.admin import ReadOnlyAdmin
from apps.tenants.models import ApiClient, Institution, User

if TYPE_CHECKING:
    PeopleAdmin = UserAdmin[User]  # generic in the type stubs only
else:
    PeopleAdmin = UserAdmin


@admin.register(Institution)
class InstitutionAdmin(ReadOnlyAdmin):
    """Banks and hospitals."""

    list_display = ("name", "kind", "created_at")
    list_filter = ("kind",)
    search_fields = ("name",)
    ordering = ("name",)


@admin.register(ApiClient)
class ApiClientAdmin(ReadOnlyAdmin):
    """Systems that call the API, by the visible part of their keys."""

    list_display = ("name", "institution", "mode", "key_prefix", "created_at", "revoked_at")
    list_filter = ("mode", "institution")
    list_select_related = ("institution",)
    fields = ("name", "institution", "mode", "key_prefix", "created_at", "revoked_at")
    ordering = ("-created_at",)


@admin.register(User)
class PersonAdmin(PeopleAdmin):
    """People who sign in."""

    list_display = ("username", "institution", "is_active", "is_staff", "last_login")
    list_select_related = ("institution",)
    fieldsets = (*(UserAdmin.fieldsets or ()), (_("Institution"), {"fields": ("institution",)}))
