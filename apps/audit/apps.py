from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Append-only record of who did what."""

    name = "apps.audit"
    label = "audit"
