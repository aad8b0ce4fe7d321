"""Addresses of operations, below ``/api/v1/``."""

from django.urls import path

from apps.jobs.api.views import OperationView

urlpatterns = [path("operations/<uuid:job_id>", OperationView.as_view(), name="operation")]
