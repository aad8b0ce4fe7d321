"""Addresses of the API as such: its description and its page."""

from django.urls import path
from drf_spectacular.views import SpectacularSwaggerSplitView, SpectacularYAMLAPIView

from apps.api.trail import AuditEventsView

urlpatterns = [
    path("v1/audit-events", AuditEventsView.as_view(), name="audit-events"),
    path("schema", SpectacularYAMLAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]
