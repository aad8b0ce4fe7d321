from django.apps import AppConfig


class BatchesConfig(AppConfig):
    """Many rows in one upload: read, done row by row as durable jobs, and given back as a results file."""

    name = "apps.batches"
    label = "batches"
