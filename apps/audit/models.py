"""Who did what to which record, kept for good, and the seals that show that nobody touched it since."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.models import UUIDModel


class AuditEvent(UUIDModel):
    """One act, written in the transaction of the act itself. Names records, never holds their contents.

    Written by ``apps.audit.services.record`` alone. PostgreSQL refuses UPDATE, DELETE and TRUNCATE
    by trigger, so that not even a mistake in our own code rewrites history.
    """

    class Outcome(models.TextChoices):
        SUCCESS = "success", _("Success")
        REFUSED = "refused", _("Refused")

    institution = models.ForeignKey(
        "tenants.Institution", on_delete=models.PROTECT, null=True, related_name="audit_events"
    )  # null: an act on the installation itself
    actor = models.CharField(
        _("actor"), max_length=200, help_text=_("client:<id>, user:<id>, command:<name>, system, unknown")
    )
    action = models.CharField(_("action"), max_length=100, help_text=_("What was done, as subject.verb."))
    outcome = models.CharField(_("result"), max_length=16, choices=Outcome, default=Outcome.SUCCESS)
    subject_type = models.CharField(_("subject type"), max_length=100)
    subject_id = models.CharField(_("subject"), max_length=64)
    details: "models.JSONField[dict[str, Any], dict[str, Any]]" = models.JSONField(
        _("details"), default=dict, help_text=_("Counts, digests and codes; never contents.")
    )
    content_sha256 = models.BinaryField(
        _("digest of the record"), max_length=32, default=b"", help_text=_("Of what was read or written, keyed.")
    )
    address = models.CharField(_("address"), max_length=45, default="", help_text=_("Where the request came from."))
    request_id = models.CharField(max_length=128, default="")
    at = models.DateTimeField(_("at"))

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        constraints = (
            models.CheckConstraint(condition=~models.Q(actor=""), name="auditevent_has_actor"),
            models.CheckConstraint(condition=~models.Q(action=""), name="auditevent_has_action"),
            models.CheckConstraint(
                condition=models.Q(outcome__in=["success", "refused"]), name="auditevent_outcome_known"
            ),
        )
        indexes = (
            models.Index(fields=["institution", "-at"], name="auditevent_by_institution"),
            models.Index(fields=["subject_type", "subject_id"], name="auditevent_by_subject"),
        )

    def __str__(self) -> str:
        return f"{self.actor} {self.action} {self.subject_type}:{self.subject_id}"


class AuditSeal(models.Model):
    """An event's place in its chain, and a keyed digest over the event and all before it.

    Written behind the event's transaction by ``apps.audit.sealing`` alone, and as append-only as the event.
    Each institution has a chain, and so has the installation (no institution). Positions begin at 1 and
    leave no gap.
    """

    event = models.OneToOneField(
        AuditEvent, on_delete=models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="seal"
    )  # no constraint: an event that somebody made disappear is to be named by verification
    institution = models.ForeignKey("tenants.Institution", on_delete=models.PROTECT, null=True, related_name="+")
    position = models.BigIntegerField(_("position"))
    digest = models.BinaryField(max_length=32)
    key_id = models.CharField(max_length=16)
    form = models.PositiveSmallIntegerField(help_text=_("How the event was turned into bytes."))
    sealed_at = models.DateTimeField(_("sealed at"))

    class Meta:
        verbose_name = _("audit seal")
        verbose_name_plural = _("audit seals")
        constraints = (
            models.UniqueConstraint(
                fields=["institution", "position"], nulls_distinct=False, name="auditseal_one_per_position"
            ),
            models.CheckConstraint(condition=models.Q(position__gte=1), name="auditseal_position_from_one"),
        )

    def __str__(self) -> str:
        return f"{self.institution_id or 'installation'}:{self.position}"
