from django.apps import AppConfig


class RetentionConfig(AppConfig):
    """How long which class of record is kept, what a legal hold keeps longer, and erasure."""

    name = "apps.retention"
    label = "retention"
