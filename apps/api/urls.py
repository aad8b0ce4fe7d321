"""Addresses of the API as such: its description and its page."""

from django.urls import path
from drf_spectacular.views import SpectacularSwaggerSplitView, SpectacularYAMLAPIView

urlpatterns = [
    path("schema", SpectacularYAMLAPIView.as_view(), name="schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
]
