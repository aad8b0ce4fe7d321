from django.apps import AppConfig


class JobsConfig(AppConfig):
    """Durable work: the row is the work item."""

    name = "apps.jobs"
    label = "jobs"
