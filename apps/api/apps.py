from django.apps import AppConfig


class ApiConfig(AppConfig):
    """REST plumbing: authentication, idempotency, problems, pages, hardened JSON."""

    name = "apps.api"
    label = "api"

    def ready(self) -> None:
        """Let drf-spectacular find the security scheme."""
        from apps.api import openapi  # noqa: F401
