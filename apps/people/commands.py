"""What the commands about people share."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.tenants.models import Institution, User


class PersonCommand(BaseCommand):
    """A command about one person, by user name. Subclasses say what is done in ``act``."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whom it is about."""
        parser.add_argument("username", help="what the person signs in with")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, or explain why not."""
        name = options["username"]
        user = User.objects.filter(username=name).first()
        if user is None:
            raise CommandError(f"There is nobody called {name!r}; see create_user.")
        try:
            self.act(user, options, actor=f"command:{self.__module__.rpartition('.')[2]}", now=timezone.now())
        except DomainError as refused:
            raise CommandError(refused.detail) from refused

    def act(self, user: User, options: dict[str, Any], *, actor: str, now: Any) -> None:
        """Do what the command is for."""
        raise NotImplementedError


def institution_named(name: str | None) -> Institution | None:
    """The institution of an option that may be missing.

    Raises:
        CommandError: there is none of that name.
    """
    if name is None:
        return None
    found = Institution.objects.filter(name=name).first()
    if found is None:
        raise CommandError(f"There is no institution called {name!r}; see create_institution.")
    return found
