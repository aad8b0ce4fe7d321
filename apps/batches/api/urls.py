"""Addresses of batches, below ``/api/v1/``."""

from django.urls import path

from apps.batches.api import views

urlpatterns = [
    path("batches", views.BatchesView.as_view(), name="batches"),
    path("batches/<uuid:batch_id>", views.BatchView.as_view(), name="batch"),
    path("batches/<uuid:batch_id>/rows", views.RowsView.as_view(), name="batch-rows"),
    path("batches/<uuid:batch_id>/results", views.ResultsView.as_view(), name="batch-results"),
]
