"""Part from somebody."""

from typing import Any

from apps.people.commands import PersonCommand
from apps.tenants.models import User
from apps.tenants.people import deactivate_user


class Command(PersonCommand):
    """Signs a person out everywhere, for good."""

    help = "Part from somebody; they are signed out at once."

    def act(self, user: User, _options: dict[str, Any], *, actor: str, now: Any) -> None:
        """Do it."""
        deactivate_user(user=user, actor=actor, now=now)
        self.stdout.write(f"{user}: done.")
