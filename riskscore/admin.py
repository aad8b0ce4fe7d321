"""Risk scoring for operators: what was asked, answered and decided. Contents of events stay with their banks."""

from django.contrib import admin

from apps.audit.admin import AuditedAdmin
from riskscore.models import Label, ListEntry, RiskAssessment, RulesetVersion, ThresholdsVersion


@admin.register(RiskAssessment)
class RiskAssessmentAdmin(AuditedAdmin):
    """Assessments by outcome, with the versions that made them."""

    list_display = ("id", "institution", "status", "score", "outcome", "anomaly_type", "degraded", "created_at")
    list_filter = ("status", "outcome", "degraded", "anomaly_type", "institution")
    list_select_related = ("institution",)
    fields = (
        *("institution", "client", "job", "status", "created_at", "completed_at"),
        *("score", "risk_level", "outcome", "causes", "anomaly_type", "anomaly_probabilities"),
        *("rule_hits", "degraded", "degraded_code"),
        *("model_name", "model_digest", "model_precision", "model_kernels", "calibration_version", "encoding"),
        *("ruleset_version", "thresholds", "positions_total", "positions_cached", "queue_ms", "infer_ms"),
    )
    ordering = ("-created_at",)
    show_full_result_count = False


@admin.register(Label)
class LabelAdmin(AuditedAdmin):
    """What assessed events turned out to be."""

    list_display = ("assessment", "institution", "verdict", "anomaly_type", "source", "labelled_at")
    list_filter = ("verdict", "source", "institution")
    list_select_related = ("institution", "assessment")
    fields = (*("institution", "assessment", "verdict", "anomaly_type", "source"), "labelled_at", "recorded_at")
    ordering = ("-recorded_at",)


@admin.register(ListEntry)
class ListEntryAdmin(AuditedAdmin):
    """Allow, block and watch lists, by what they do; what is listed stays with its bank."""

    list_display = ("institution", "action", "kind", "overridable", "expires_at")
    list_filter = ("action", "kind", "institution")
    list_select_related = ("institution",)
    ordering = ("-created_at",)


@admin.register(RulesetVersion)
class RulesetVersionAdmin(AuditedAdmin):
    """Rules in force and before."""

    list_display = ("institution", "version", "active", "created_at")
    list_filter = ("active", "institution")
    list_select_related = ("institution",)
    ordering = ("-created_at",)


@admin.register(ThresholdsVersion)
class ThresholdsVersionAdmin(AuditedAdmin):
    """Thresholds in force and before."""

    list_display = ("institution", "version", "review", "block_and_review", "decline", "active", "created_at")
    list_filter = ("active", "institution")
    list_select_related = ("institution",)
    ordering = ("-created_at",)
