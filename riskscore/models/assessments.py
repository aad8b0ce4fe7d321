"""What was asked and answered, and what later turned out to be true."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from apps.common.encryption import SealedJSONField
from apps.common.models import UUIDModel
from apps.jobs.models import Job
from apps.tenants.models import ApiClient, Institution
from riskscore.anomalies import AnomalyType
from riskscore.models.evidence import Counterparty, Event
from riskscore.outcomes import Outcome, RiskLevel

Q = models.Q


class RiskAssessment(UUIDModel):
    """What was asked about one event and what was answered.

    Written when asked for, and once more when it is completed: by a worker that still holds the job's
    fence, or by the hook of a job that ended without an answer.
    """

    class Status(models.TextChoices):
        PENDING = "pending", _("Pending")
        COMPLETED = "completed", _("Completed")

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="risk_assessments")
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="+")
    event = models.OneToOneField(Event, on_delete=models.PROTECT, related_name="assessment")
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    profile_packed = models.BinaryField(help_text=_("The account's profile as the model reads it."))
    current_packed = models.BinaryField(help_text=_("The new event as the model reads it."))
    encoding = models.CharField(max_length=32)
    ruleset_version = models.CharField(max_length=32)
    thresholds = models.JSONField(help_text=_("Version and values in force when it was asked for."))
    rule_hits = models.JSONField(default=list)
    list_hits = models.JSONField(default=list)
    evidence = SealedJSONField(help_text=_("By feature group, which events it was compared with."))

    score = models.DecimalField(max_digits=5, decimal_places=4, null=True)
    risk_level = models.CharField(max_length=16, default="")
    outcome = models.CharField(max_length=16, default="")
    causes = models.JSONField(default=list)
    anomaly_type = models.CharField(max_length=32, default="")
    anomaly_probabilities = models.JSONField(null=True)
    reasons = SealedJSONField(null=True, help_text=_("Of an answer by the model."))
    degraded = models.BooleanField(default=False, help_text=_("Answered by rules alone."))
    degraded_code = models.CharField(max_length=64, default="", help_text=_("Why there is no model answer."))
    model_name = models.CharField(max_length=64, default="")
    model_digest = models.CharField(max_length=64, default="")
    model_precision = models.CharField(max_length=8, default="")
    model_kernels = models.CharField(max_length=64, default="")
    calibration_version = models.CharField(max_length=64, default="")
    positions_total = models.PositiveIntegerField(null=True)
    positions_cached = models.PositiveIntegerField(null=True)
    positions_shared = models.PositiveIntegerField(null=True)
    queue_ms = models.FloatField(null=True, help_text=_("In the engine's queue."))
    infer_ms = models.FloatField(null=True)

    class Meta:
        verbose_name = _("risk assessment")
        verbose_name_plural = _("risk assessments")
        constraints = (
            models.CheckConstraint(
                condition=Q(status="pending", completed_at__isnull=True, outcome="", score__isnull=True, degraded=False)
                | (
                    Q(status="completed", completed_at__isnull=False, outcome__in=[str(outcome) for outcome in Outcome])
                    & Q(risk_level__in=[str(level) for level in RiskLevel])
                    & Q(anomaly_type__in=[str(anomaly) for anomaly in AnomalyType])
                ),
                name="assessment_answered_exactly_when_completed",
            ),
            models.CheckConstraint(
                condition=Q(status="pending")
                | (Q(degraded=True, score__isnull=True, model_digest="") & ~Q(outcome="approve"))
                | (Q(degraded=False, score__gte=0, score__lte=1) & ~Q(model_digest="")),
                name="assessment_degraded_never_scores_nor_approves",
            ),
        )
        indexes = (
            models.Index(fields=["institution", "-created_at", "-id"], name="assessment_page"),
            models.Index(fields=["institution", "outcome", "-created_at", "-id"], name="assessment_page_by_outcome"),
        )

    def __str__(self) -> str:
        return str(self.id)


class Label(UUIDModel):
    """What an assessed event turned out to be, from whoever found out. The latest one counts."""

    class Verdict(models.TextChoices):
        FRAUD = "fraud", _("Fraud")
        LEGITIMATE = "legitimate", _("Legitimate")

    class Source(models.TextChoices):
        CHARGEBACK = "chargeback", _("Chargeback")
        CUSTOMER = "customer", _("Customer")
        ANALYST = "analyst", _("Analyst")
        NETWORK = "network", _("Card network")

    institution = models.ForeignKey(Institution, on_delete=models.PROTECT, related_name="+")
    assessment = models.ForeignKey(RiskAssessment, on_delete=models.PROTECT, related_name="labels")
    counterparty = models.ForeignKey(Counterparty, on_delete=models.PROTECT, null=True, related_name="+")
    verdict = models.CharField(max_length=16, choices=Verdict)
    anomaly_type = models.CharField(max_length=32, default="", blank=True)
    source = models.CharField(max_length=16, choices=Source)
    labelled_at = models.DateTimeField(help_text=_("When the source decided."))
    effective_at = models.DateTimeField(help_text=_("From when features may know: not before the event arrived."))
    recorded_at = models.DateTimeField()

    class Meta:
        verbose_name = _("label")
        verbose_name_plural = _("labels")
        constraints = (
            models.CheckConstraint(condition=Q(verdict__in=["fraud", "legitimate"]), name="label_verdict_known"),
            models.CheckConstraint(
                condition=Q(effective_at__gte=models.F("labelled_at")), name="label_known_after_it_was_decided"
            ),
        )
        indexes = (
            models.Index(
                fields=["counterparty", "effective_at"],
                condition=Q(verdict="fraud", counterparty__isnull=False),
                name="label_fraud_by_counterparty",
            ),
            models.Index(fields=["assessment", "-recorded_at"], name="label_latest"),
        )

    def __str__(self) -> str:
        return f"{self.verdict} by {self.source}"
