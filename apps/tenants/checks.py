"""What ``manage.py check`` says of the walls."""

from typing import Any

from django.core.checks import CheckMessage, Error

from apps.tenants.policies import tables
from apps.tenants.walls import wall_of


def every_model_has_a_wall(**_options: Any) -> list[CheckMessage]:
    """An error for every table that nobody said who may see: neither an institution nor a declaration."""
    hint = "Give it a non-null ForeignKey named institution, or a line in apps.tenants.walls.DECLARED."
    return [
        Error("Nobody said whose the rows of this model are.", hint=hint, obj=model, id="walls.E001")
        for model in tables()
        if wall_of(model) is None
    ]
