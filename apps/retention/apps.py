from django.apps import AppConfig


class RetentionConfig(AppConfig):
    """How long which class of record is kept, what a legal hold keeps longer, and erasure."""

    name = "apps.retention"
    label = "retention"

    def ready(self) -> None:
        """Purge once an hour."""
        from apps.common import chores
        from apps.retention.services import purge_all

        chores.register(chores.Chore(name="retention.purge", every_s=3600.0, run=purge_all))
