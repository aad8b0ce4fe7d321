from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Institutions, their people and their machine clients."""

    name = "apps.tenants"
    label = "tenants"
