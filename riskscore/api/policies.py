"""Thresholds and rules over REST."""

from decimal import Decimal
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.api.serializers import StrictSerializer
from apps.api.views import ApiView
from apps.audit.services import Subject
from apps.common.errors import InvalidInput
from riskscore import selectors, services
from riskscore.api.fields import MoneyField
from riskscore.models import RulesetVersion, ThresholdsVersion
from riskscore.policy import Thresholds


class ThresholdsSerializer(StrictSerializer):
    """Scores from which the institution acts; they rise, and each includes its own value."""

    review = MoneyField()
    block_and_review = MoneyField()
    decline = MoneyField()

    def thresholds(self) -> Thresholds:
        """The thresholds as a value. Raises UnprocessableBody or InvalidInput."""
        told: dict[str, Decimal] = self.checked()
        try:
            return Thresholds(version="", **told)
        except ValueError:
            raise InvalidInput(_("Thresholds rise: 0 < review < block_and_review < decline <= 1.")) from None


class ThresholdsAnswerSerializer(serializers.Serializer[Any]):
    """The thresholds in force, as numbers, and their version."""

    version = serializers.CharField()
    review = serializers.FloatField()
    block_and_review = serializers.FloatField()
    decline = serializers.FloatField()


class RulesetSerializer(serializers.Serializer[Any]):
    """A rule set: see the glossary for facts, operators and effects."""

    rules = serializers.ListField(child=serializers.DictField())


class ThresholdsView(ApiView):
    """The thresholds in force for the caller's institution."""

    required_scopes = {"GET": ("policies.read",), "PUT": ("policies.write",)}

    @extend_schema(operation_id="risk_thresholds_retrieve", responses=ThresholdsAnswerSerializer)
    def get(self, _request: Request) -> Response:
        """The thresholds and their version."""
        document = _thresholds_document(selectors.thresholds_in_force(self.institution.pk))
        self.note_read("risk.thresholds.read", Subject.row(ThresholdsVersion, document["version"]), document)
        return Response(document)

    @extend_schema(
        operation_id="risk_thresholds_update", request=ThresholdsSerializer, responses=ThresholdsAnswerSerializer
    )
    def put(self, request: Request) -> Response:
        """Put thresholds in force, as a new version."""
        row = services.set_thresholds(
            institution=self.institution,
            thresholds=ThresholdsSerializer(data=request.data).thresholds(),
            actor=self.actor,
            now=timezone.now(),
        )
        return Response(_thresholds_document(selectors.thresholds_of(row)))


class RulesetView(ApiView):
    """The rules in force for the caller's institution."""

    required_scopes = {"GET": ("policies.read",), "PUT": ("policies.write",)}

    @extend_schema(operation_id="risk_ruleset_retrieve", responses=RulesetSerializer)
    def get(self, _request: Request) -> Response:
        """The rules and their version."""
        version, document = selectors.ruleset_document_in_force(self.institution.pk)
        shown = {"version": version, **document}
        self.note_read("risk.ruleset.read", Subject.row(RulesetVersion, version), shown)
        return Response(shown)

    @extend_schema(operation_id="risk_ruleset_update", request=RulesetSerializer, responses=RulesetSerializer)
    def put(self, request: Request) -> Response:
        """Put rules in force, as a new version."""
        row = services.set_ruleset(
            institution=self.institution,
            document=request.data,
            actor=self.actor,
            now=timezone.now(),
        )
        return Response({"version": str(row.version), **row.document})


def _thresholds_document(thresholds: Thresholds) -> dict[str, Any]:
    return {
        "version": thresholds.version,
        "review": float(thresholds.review),
        "block_and_review": float(thresholds.block_and_review),
        "decline": float(thresholds.decline),
    }
