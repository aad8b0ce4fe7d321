"""Take a role from somebody."""

from argparse import ArgumentParser
from typing import Any

from apps.people.commands import PersonCommand, institution_named
from apps.tenants.models import User
from apps.tenants.people import withdraw_role
from apps.tenants.roles import Role


class Command(PersonCommand):
    """Takes a role; the person's sessions end."""

    help = "Take a role from somebody; their sessions end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, which, and where."""
        super().add_arguments(parser)
        parser.add_argument("role", choices=[role.value for role in Role])
        parser.add_argument("--institution", help="where; the role of operator has none")

    def act(self, user: User, options: dict[str, Any], *, actor: str, now: Any) -> None:
        """Do it."""
        place = institution_named(options["institution"])
        withdraw_role(user=user, role=options["role"], institution=place, actor=actor, now=now)
        self.stdout.write(f"{user}: done.")
