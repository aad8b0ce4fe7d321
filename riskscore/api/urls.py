"""Addresses of risk scoring, below ``/api/v1/``."""

from django.urls import path

from riskscore.api.events import EventsView
from riskscore.api.policies import RulesetView, ThresholdsView
from riskscore.api.views import AssessmentsView, AssessmentView, FeedbackView

urlpatterns = [
    path("risk/assessments", AssessmentsView.as_view(), name="risk-assessments"),
    path("risk/assessments/<uuid:assessment_id>", AssessmentView.as_view(), name="risk-assessment"),
    path("risk/assessments/<uuid:assessment_id>/feedback", FeedbackView.as_view(), name="risk-feedback"),
    path("risk/thresholds", ThresholdsView.as_view(), name="risk-thresholds"),
    path("risk/ruleset", RulesetView.as_view(), name="risk-ruleset"),
    path("events", EventsView.as_view(), name="events"),
]
