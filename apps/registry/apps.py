from django.apps import AppConfig


class RegistryConfig(AppConfig):
    """Which model releases exist and which one answers."""

    name = "apps.registry"
    label = "registry"
