from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Append-only record of who did what, chained behind its transactions."""

    name = "apps.audit"
    label = "audit"

    def ready(self) -> None:
        """Have the trail sealed every few seconds and anchored every hour."""
        from apps.audit.anchors import anchor_all
        from apps.audit.sealing import SEALER
        from apps.common import chores

        chores.register(chores.Chore(name="audit.seal", every_s=5.0, run=SEALER.run))
        chores.register(chores.Chore(name="audit.anchor", every_s=3600.0, run=anchor_all))
