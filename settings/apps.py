from django.apps import AppConfig


class SettingsConfig(AppConfig):
    """Holds the commands that run all of Assay together: up, demo."""

    name = "settings"
