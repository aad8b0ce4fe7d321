"""What was asked of a model in words, and what it wrote."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import SealedJSONField, SealedTextField
from apps.common.models import UUIDModel
from apps.jobs.models import Job
from apps.tenants.models import ApiClient, Institution


class Generation(UUIDModel):
    """One text that a client asked for. The job says how it stands.

    Written when asked for, and once more when it is completed by a worker that still holds the job's fence.
    Prompt and text are sealed, and kept as long as the record class ``generation.texts`` says.
    """

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="+")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="+")
    model = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    asked = SealedJSONField(help_text=_("The prompt or the conversation, and how to go on from it."))
    completed_at = models.DateTimeField(null=True)
    text = SealedTextField(null=True)
    finish_reason = models.CharField(max_length=16, default="")
    model_digest = models.CharField(max_length=64, default="")
    model_precision = models.CharField(max_length=8, default="")
    model_kernels = models.CharField(max_length=64, default="")
    prompt_tokens = models.PositiveIntegerField(null=True)
    cached_tokens = models.PositiveIntegerField(null=True)
    completion_tokens = models.PositiveIntegerField(null=True)
    queue_ms = models.FloatField(null=True, help_text=_("In the engine's queue."))
    first_token_ms = models.FloatField(null=True)
    infer_ms = models.FloatField(null=True)

    class Meta:
        verbose_name = _("generation")
        verbose_name_plural = _("generations")
        constraints = (
            models.CheckConstraint(
                condition=models.Q(completed_at__isnull=True, text__isnull=True, finish_reason="")
                | models.Q(completed_at__isnull=False, text__isnull=False, finish_reason__in=["stop", "length"]),
                name="generation_written_exactly_when_completed",
            ),
        )
        indexes = (models.Index(fields=["institution", "created_at"], name="generation_by_age"),)

    def __str__(self) -> str:
        return str(self.id)
