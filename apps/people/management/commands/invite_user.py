"""Let somebody set another password."""

from typing import Any

from apps.people.commands import PersonCommand
from apps.people.services import invite
from apps.tenants.models import User


class Command(PersonCommand):
    """Prints the path of a page where a person sets a password of their own."""

    help = "Print the page where a person sets a new password, good once and for a day."

    def act(self, user: User, _options: dict[str, Any], *, actor: str, now: Any) -> None:
        """Show the path."""
        self.stdout.write(invite(user=user, actor=actor, now=now))
