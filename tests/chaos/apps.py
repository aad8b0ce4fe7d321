from django.apps import AppConfig


class ChaosConfig(AppConfig):
    """Work whose effects can be counted."""

    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        """Make the kinds known."""
        from apps.jobs import kinds
        from tests.chaos import work

        for kind in work.KINDS:
            kinds.register(kind)
