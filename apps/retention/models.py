"""What an institution decided about how long its records are kept."""

from django.db import models
from django.db.models.functions import Length
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import SealedTextField
from apps.common.models import UUIDModel
from apps.tenants.models import Institution

Q = models.Q


class RetentionRule(UUIDModel):
    """How long an institution keeps a class of record; without one the class's default counts."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    record_class = models.CharField(_("record class"), max_length=64)
    days = models.PositiveIntegerField(_("days"))
    set_at = models.DateTimeField(_("set at"))

    class Meta:
        verbose_name = _("retention rule")
        verbose_name_plural = _("retention rules")
        constraints = (
            models.UniqueConstraint(fields=["institution", "record_class"], name="retention_rule_once"),
            models.CheckConstraint(condition=Q(days__gte=1), name="retention_rule_keeps_a_day"),
        )

    def __str__(self) -> str:
        return f"{self.record_class}: {self.days} days"


class LegalHold(UUIDModel):
    """Somebody's order that records stay, whatever their age and whoever asks for their erasure.

    Of a whole institution, or narrowed to a class of record, to one subject, or to both.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    record_class = models.CharField(_("record class"), max_length=64, default="", blank=True)
    subject_digest = models.BinaryField(max_length=32, null=True, help_text=_("Keyed, of one subject's reference."))
    reason = SealedTextField()
    placed_by = models.CharField(_("placed by"), max_length=200)
    placed_at = models.DateTimeField(_("placed at"))
    released_by = models.CharField(_("released by"), max_length=200, default="", blank=True)
    released_at = models.DateTimeField(_("released at"), null=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        constraints = (
            models.CheckConstraint(
                condition=Q(subject_digest__isnull=True) | Q(Exact(Length("subject_digest"), 32)),
                name="legal_hold_subject_keyed",
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=True, released_by="")
                | (Q(released_at__isnull=False) & ~Q(released_by="")),
                name="legal_hold_released_by_somebody",
            ),
        )
        indexes = (
            models.Index(fields=["institution"], condition=Q(released_at__isnull=True), name="legal_hold_in_force"),
        )

    def __str__(self) -> str:
        return f"legal hold {self.pk}"
