"""Addresses of webhooks, below ``/api/v1/``."""

from django.urls import path

from apps.webhooks.api import views

ENDPOINT = "webhook-endpoints/<uuid:endpoint_id>"

urlpatterns = [
    path("webhook-endpoints", views.EndpointsView.as_view(), name="webhook-endpoints"),
    path(ENDPOINT, views.EndpointView.as_view(), name="webhook-endpoint"),
    path(f"{ENDPOINT}/rotate-secret", views.SecretView.as_view(), name="webhook-endpoint-secret"),
    path(f"{ENDPOINT}/test", views.PingView.as_view(), name="webhook-endpoint-test"),
    path(f"{ENDPOINT}/deliveries", views.DeliveriesView.as_view(), name="webhook-deliveries"),
    path(f"{ENDPOINT}/deliveries/<uuid:delivery_id>/replay", views.ReplayView.as_view(), name="webhook-replay"),
]
