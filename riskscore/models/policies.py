"""What an institution decided in advance: rules, thresholds, lists."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import SealedTextField
from apps.common.models import UUIDModel
from apps.tenants.models import Institution
from riskscore.lists import ListAction, ListKind
from riskscore.models.checks import keyed, one_of

Q = models.Q


class RulesetVersion(UUIDModel):
    """A rule set an institution uses or used. Never changed; a new version takes its place."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="ruleset_versions")
    version = models.PositiveIntegerField()
    document = models.JSONField(help_text=_("As riskscore.rules.parsing reads it."))
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("ruleset version")
        verbose_name_plural = _("ruleset versions")
        constraints = (
            models.UniqueConstraint(fields=["institution", "version"], name="ruleset_version_once"),
            models.UniqueConstraint(fields=["institution"], condition=Q(active=True), name="ruleset_one_active"),
        )

    def __str__(self) -> str:
        return f"ruleset {self.version}"


class ThresholdsVersion(UUIDModel):
    """The scores from which an institution acts or acted. Never changed; a new version takes its place."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="thresholds_versions")
    version = models.PositiveIntegerField()
    review = models.DecimalField(max_digits=5, decimal_places=4)
    block_and_review = models.DecimalField(max_digits=5, decimal_places=4)
    decline = models.DecimalField(max_digits=5, decimal_places=4)
    active = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    class Meta:
        verbose_name = _("thresholds version")
        verbose_name_plural = _("thresholds versions")
        constraints = (
            models.UniqueConstraint(fields=["institution", "version"], name="thresholds_version_once"),
            models.UniqueConstraint(fields=["institution"], condition=Q(active=True), name="thresholds_one_active"),
            models.CheckConstraint(
                condition=Q(review__gt=0)
                & Q(review__lt=models.F("block_and_review"))
                & Q(block_and_review__lt=models.F("decline"))
                & Q(decline__lte=1),
                name="thresholds_rise",
            ),
        )

    def __str__(self) -> str:
        return f"thresholds {self.version}"


class ListEntry(UUIDModel):
    """Something an institution always allows, blocks or watches, for as long as the entry lasts."""

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="list_entries")
    action = models.CharField(max_length=8)
    kind = models.CharField(max_length=24)
    value = SealedTextField()
    value_digest = models.BinaryField(max_length=32, help_text=_("Keyed; see riskscore.digests."))
    overridable = models.BooleanField(default=False, help_text=_("Whether an allow entry sets this one aside."))
    note = SealedTextField(null=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("list entry")
        verbose_name_plural = _("list entries")
        constraints = (
            models.UniqueConstraint(fields=["institution", "value_digest", "action"], name="list_entry_once"),
            one_of("action", ListAction, name="list_entry_action_known"),
            one_of("kind", ListKind, name="list_entry_kind_known"),
            keyed("value_digest", name="list_entry_digest_keyed"),
        )

    def __str__(self) -> str:
        return f"{self.action} {self.kind}"
