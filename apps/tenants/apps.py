from typing import Any

from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Institutions, their people and their machine clients."""

    name = "apps.tenants"
    label = "tenants"

    def ready(self) -> None:
        """Have the walls built after every migration, and looked at by every check."""
        from django.core import checks
        from django.db.models.signals import post_migrate

        from apps.tenants.checks import every_model_has_a_wall

        post_migrate.connect(_build_walls, sender=self, dispatch_uid="walls")
        checks.register(every_model_has_a_wall, checks.Tags.models)


def _build_walls(**options: Any) -> None:
    """Once nothing is left to migrate; emptying the tables sends the same signal without a plan."""
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    from apps.tenants.policies import build

    if "plan" in options:
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            build()
