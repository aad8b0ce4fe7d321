"""The audit trail for operators: to be read. And pages whose readers are in it."""

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.audit.documents import seal_of
from apps.audit.models import AuditEvent
from apps.audit.services import Subject, ids_digest, record
from apps.common.admin import ReadOnlyAdmin


class AuditedAdmin(ReadOnlyAdmin):
    """A page that only shows; whoever opens a list or a row is in the trail."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """The row to show, and its event."""
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            _note(request, "read", row, institution=getattr(row, "institution_id", None))
        return row

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        """The rows to list, and their event."""
        changes: ChangeList = super().get_changelist_instance(request)
        shown = [row.pk for row in changes.result_list]
        details = {"count": len(shown), "ids_sha256": ids_digest(shown)}
        own = getattr(request.user, "institution_id", None)
        _note(request, "listed", Subject.rows(self.model), institution=own, details=details)
        return changes


@admin.register(AuditEvent)
class AuditEventAdmin(AuditedAdmin):
    """Who did what, latest first, and how far its chain is sealed."""

    list_display = ("at", "actor", "action", "outcome", "subject_type", "subject_id", "institution", "position")
    list_filter = ("outcome", "action")
    list_select_related = ("institution", "seal")
    fields = (
        *("at", "actor", "action", "outcome", "institution", "subject_type", "subject_id", "details"),
        *("content_digest", "address", "request_id", "position", "sealed_at", "digest", "key_id"),
    )
    search_fields = ("actor", "subject_id", "request_id")
    ordering = ("-at",)
    show_full_result_count = False

    @admin.display(description=_("position"))
    def position(self, event: AuditEvent) -> str:
        """Place in its chain."""
        seal = seal_of(event)
        return str(_("not sealed yet") if seal is None else seal.position)

    @admin.display(description=_("sealed at"))
    def sealed_at(self, event: AuditEvent) -> Any:
        """When a sealer passed."""
        return getattr(seal_of(event), "sealed_at", None)

    @admin.display(description=_("digest"))
    def digest(self, event: AuditEvent) -> str:
        """The seal's digest."""
        return bytes(getattr(seal_of(event), "digest", b"")).hex()

    @admin.display(description=_("key"))
    def key_id(self, event: AuditEvent) -> str:
        """Name of the key that sealed it."""
        return str(getattr(seal_of(event), "key_id", ""))

    @admin.display(description=_("digest of the record"))
    def content_digest(self, event: AuditEvent) -> str:
        """Of what was read or written."""
        return bytes(event.content_sha256).hex()


def _note(request: HttpRequest, verb: str, subject: models.Model | Subject, **told: Any) -> None:
    about = subject if isinstance(subject, Subject) else Subject.of(subject)
    action = f"{about.label.rpartition('.')[2]}.{verb}"
    record(actor=f"user:{request.user.pk}", action=action, subject=about, now=timezone.now(), **told)
