"""The models an installation may serve."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.models import UUIDModel


class ModelVersion(UUIDModel):
    """One released checkpoint. The digest, not the folder, says what it is; a version never changes it.

    Written by ``apps.registry.services`` alone.
    """

    class Precision(models.TextChoices):
        FP32 = "fp32", "fp32"
        BF16 = "bf16", "bf16"
        INT8 = "int8", "int8"

    class Alias(models.TextChoices):
        NONE = "", _("None")
        CHAMPION = "champion", _("Champion")  # answers
        CHALLENGER = "challenger", _("Challenger")  # is compared with the champion

    name = models.CharField(_("name"), max_length=64, help_text=_("What it is for, e.g. risk."))
    version = models.CharField(_("version"), max_length=32)
    path = models.CharField(_("folder"), max_length=255, help_text=_("Below the folder of checkpoints."))
    digest = models.CharField(_("digest"), max_length=64, help_text=_("Sha256 of the folder's SHA256SUMS, hex."))
    precision = models.CharField(_("precision"), max_length=8, choices=Precision)
    alias = models.CharField(_("alias"), max_length=16, choices=Alias, default="", blank=True)
    card = models.JSONField(_("card"), default=dict, help_text=_("Calibration and figures, as released."))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("model version")
        verbose_name_plural = _("model versions")
        constraints = (
            models.UniqueConstraint(fields=["name", "version"], name="modelversion_once"),
            models.UniqueConstraint(
                fields=["name", "alias"], condition=~models.Q(alias=""), name="modelversion_one_per_alias"
            ),
            models.CheckConstraint(
                condition=models.Q(alias__in=["", "champion", "challenger"]), name="modelversion_alias_known"
            ),
            models.CheckConstraint(
                condition=models.Q(precision__in=["fp32", "bf16", "int8"]), name="modelversion_precision_known"
            ),
            models.CheckConstraint(condition=models.Q(digest__regex=r"^[0-9a-f]{64}$"), name="modelversion_digest_hex"),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.version}"
