from django.apps import AppConfig


class CommonConfig(AppConfig):
    """What every app shares: abstract models, error kinds, system checks, metrics."""

    name = "apps.common"
    label = "common"

    def ready(self) -> None:
        """Look at the keys now, rather than when the first record arrives."""
        from apps.common.encryption import checks, keys  # noqa: F401 - registers its check

        keys.keyring()
        keys.index_key()
