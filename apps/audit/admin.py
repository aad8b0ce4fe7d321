"""The audit trail for operators: to be read."""

from django.contrib import admin

from apps.audit.models import AuditEvent
from apps.common.admin import ReadOnlyAdmin


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what, latest first."""

    list_display = ("at", "actor", "action", "subject_type", "subject_id", "institution", "request_id")
    list_filter = ("action",)
    list_select_related = ("institution",)
    search_fields = ("actor", "subject_id", "request_id")
    ordering = ("-at",)
