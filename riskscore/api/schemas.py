"""What is answered, as the OpenAPI page describes it; `riskscore.api.answers` makes it."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from riskscore.anomalies import AnomalyType
from riskscore.models import Label
from riskscore.outcomes import Outcome, RiskLevel


class ReasonSerializer(serializers.Serializer[Any]):
    """One thing that moved the score, or that a rule saw."""

    code = serializers.CharField(help_text=_("Stable; compare this."))
    text = serializers.CharField(help_text=_("In the language of Accept-Language; show this."))
    contribution = serializers.FloatField(
        allow_null=True, help_text=_("Calibrated log-odds that it adds to the score; null where the rules answered.")
    )
    evidence = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField()),
        help_text=_("Your event ids, with a JSON pointer to the field that was compared."),
    )


class RuleHitSerializer(serializers.Serializer[Any]):
    """A rule that held."""

    id = serializers.CharField()
    name = serializers.CharField()
    outcome = serializers.ChoiceField([str(outcome) for outcome in Outcome], allow_null=True)
    watch = serializers.CharField(allow_null=True)
    overridable = serializers.BooleanField()
    text = serializers.CharField()


class AnomalySerializer(serializers.Serializer[Any]):
    """What kind of fraud it looks most like."""

    type = serializers.ChoiceField([str(kind) for kind in AnomalyType])
    probabilities = serializers.DictField(child=serializers.FloatField(), allow_null=True)


class AssessmentSerializer(serializers.Serializer[Any]):
    """An assessment. While it is pending, everything the model answers is null."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(["pending", "completed", "cancelled"])
    event = serializers.DictField()
    score = serializers.FloatField(
        allow_null=True, min_value=0, max_value=1, help_text=_("Calibrated probability of fraud, four decimals.")
    )
    risk_level = serializers.ChoiceField([str(level) for level in RiskLevel], allow_null=True)
    outcome = serializers.ChoiceField([str(outcome) for outcome in Outcome], allow_null=True)
    causes = serializers.ListField(child=serializers.CharField(), help_text=_("What settled the outcome."))
    anomaly = AnomalySerializer(allow_null=True)
    reasons = ReasonSerializer(many=True)
    rule_hits = RuleHitSerializer(many=True)
    degraded = serializers.BooleanField(help_text=_("The rules alone answered; never an approval."))
    degraded_code = serializers.CharField(allow_null=True)
    versions = serializers.DictField()
    usage = serializers.DictField(allow_null=True, help_text=_("Positions read, and how many a cache had."))
    timing = serializers.DictField(allow_null=True)
    operation = serializers.CharField()
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


class AssessmentPageSerializer(serializers.Serializer[Any]):
    """A part of a list, and where the parts beside it are."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = AssessmentSerializer(many=True)


class LabelSerializer(serializers.Serializer[Any]):
    """A label as it was recorded."""

    id = serializers.UUIDField()
    assessment = serializers.UUIDField()
    verdict = serializers.ChoiceField(Label.Verdict.choices)
    reported_by = serializers.ChoiceField(Label.Source.choices)
    anomaly_type = serializers.CharField(allow_null=True)
    labelled_at = serializers.DateTimeField()
    recorded_at = serializers.DateTimeField()


class RejectionSerializer(serializers.Serializer[Any]):
    """One thing that is wrong with one event of several."""

    line = serializers.IntegerField(help_text=_("Of the event, from 1."))
    pointer = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class IngestedSerializer(serializers.Serializer[Any]):
    """What became of the events. Those that are not rejected are stored when this is answered."""

    accepted = serializers.IntegerField()
    duplicates = serializers.IntegerField(help_text=_("Told before with the same contents; nothing was stored."))
    rejected = RejectionSerializer(many=True)
