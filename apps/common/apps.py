from django.apps import AppConfig


class CommonConfig(AppConfig):
    """What every app shares: abstract models, error kinds, system checks, metrics."""

    name = "apps.common"
    label = "common"
