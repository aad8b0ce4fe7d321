"""Let somebody set up another second factor."""

from typing import Any

from apps.people.commands import PersonCommand
from apps.people.services import reset_second_factor
from apps.tenants.models import User


class Command(PersonCommand):
    """Forgets a person's second factor and recovery codes."""

    help = "Let somebody set up another second factor; they are signed out at once."

    def act(self, user: User, _options: dict[str, Any], *, actor: str, now: Any) -> None:
        """Do it."""
        reset_second_factor(user=user, actor=actor, now=now)
        self.stdout.write(f"{user}: done.")
