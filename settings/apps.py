from django.apps import AppConfig


class SettingsConfig(AppConfig):
    """Holds the commands that run all of Assay together: up, demo."""

    name = "settings"

    def ready(self) -> None:
        """Make the Celery application the current one, for processes that only send."""
        import settings.celery  # noqa: F401
