"""Who did what to which record, kept for good."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.models import UUIDModel


class AuditEvent(UUIDModel):
    """One act, written in the transaction of the act itself. Names records, never holds their contents.

    Written by ``apps.audit.services.record`` alone. PostgreSQL refuses UPDATE, DELETE and TRUNCATE
    by trigger, so that not even a mistake in our own code rewrites history.
    """

    institution = models.ForeignKey(
        "tenants.Institution", on_delete=models.PROTECT, null=True, related_name="audit_events"
    )  # null: an act on the installation itself
    actor = models.CharField(_("actor"), max_length=200, help_text=_("client:<id>, user:<id>, command:<name>, system"))
    action = models.CharField(_("action"), max_length=100, help_text=_("What was done, as subject.verb."))
    subject_type = models.CharField(_("subject type"), max_length=100)
    subject_id = models.CharField(_("subject"), max_length=64)
    request_id = models.CharField(max_length=128, default="")
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        constraints = (
            models.CheckConstraint(condition=~models.Q(actor=""), name="auditevent_has_actor"),
            models.CheckConstraint(condition=~models.Q(action=""), name="auditevent_has_action"),
        )
        indexes = (
            models.Index(fields=["institution", "-at"], name="auditevent_by_institution"),
            models.Index(fields=["subject_type", "subject_id"], name="auditevent_by_subject"),
        )

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject_type}:{self.subject_id}"
