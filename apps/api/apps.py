from django.apps import AppConfig


class ApiConfig(AppConfig):
    """REST plumbing: authentication, idempotency, problems, pages, hardened JSON."""

    name = "apps.api"
    label = "api"

    def ready(self) -> None:
        """Let drf-spectacular find the security scheme; say how long answers are kept."""
        from apps import retention
        from apps.api import openapi, replies  # noqa: F401

        retention.register(
            retention.RecordClass(name="idempotency.replies", default_days=1, purge=replies.purge_replies)
        )
