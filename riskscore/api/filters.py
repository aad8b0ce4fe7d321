"""Which assessments a list holds."""

from typing import Any, Self
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from apps.api.serializers import StrictSerializer
from riskscore.anomalies import AnomalyType
from riskscore.api.fields import TextField
from riskscore.digests import account_digest
from riskscore.models import RiskAssessment
from riskscore.outcomes import Outcome, RiskLevel

PAGE_PARAMETERS = frozenset({"cursor", "limit"})
COLUMNS = {
    "outcome": "outcome",
    "risk_level": "risk_level",
    "anomaly_type": "anomaly_type",
    "account": "event__account__digest",
    "created_after": "created_at__gte",
    "created_before": "created_at__lt",
    "min_score": "score__gte",
    "degraded": "degraded",
}


class AssessmentFilter(StrictSerializer):
    """Query parameters of the list; all that are given must hold."""

    outcome = serializers.ChoiceField([str(outcome) for outcome in Outcome], required=False)
    risk_level = serializers.ChoiceField([str(level) for level in RiskLevel], required=False)
    anomaly_type = serializers.ChoiceField([str(kind) for kind in AnomalyType], required=False)
    account = TextField(max_length=64, required=False)
    created_after = serializers.DateTimeField(required=False, help_text=_("Including this moment."))
    created_before = serializers.DateTimeField(required=False, help_text=_("Excluding this moment."))
    min_score = serializers.DecimalField(
        max_digits=5, decimal_places=4, min_value=0, max_value=1, coerce_to_string=False, required=False
    )
    degraded = serializers.BooleanField(required=False)

    @classmethod
    def of(cls, request: Request) -> Self:
        """The filter a request asks for. Raises UnprocessableBody for what is unknown or malformed."""
        asked: dict[str, Any] = {
            name: value for name, value in request.query_params.items() if name not in PAGE_PARAMETERS
        }
        made = cls(data=asked)
        made.checked()
        return made

    def applied(self, assessments: QuerySet[RiskAssessment], *, institution_id: UUID) -> QuerySet[RiskAssessment]:
        """Those of the institution's assessments that the filter lets through."""
        asked = dict(self.validated_data)
        if "account" in asked:
            asked["account"] = account_digest(institution_id, asked["account"])
        return assessments.filter(Q(*((COLUMNS[name], value) for name, value in asked.items())))
