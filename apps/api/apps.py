from django.apps import AppConfig


class ApiConfig(AppConfig):
    """REST plumbing: authentication, idempotency, problem+json, hardened JSON."""

    name = "apps.api"
    label = "api"
