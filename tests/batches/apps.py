from django.apps import AppConfig


class BatchTestsConfig(AppConfig):
    """Rows whose effects can be counted, for processes that are going to be killed."""

    name = "tests.batches"
    label = "batch_tests"

    def ready(self) -> None:
        """Make the kind known."""
        from apps.batches import kinds
        from tests.batches import effects

        kinds.register(effects.KIND)
