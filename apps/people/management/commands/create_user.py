"""Make a person known."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from apps.common.errors import DomainError
from apps.people.commands import institution_named
from apps.people.services import invite
from apps.tenants.people import create_user, grant_role

ACTOR = "command:create_user"


class Command(BaseCommand):
    """Creates a person. The path where they set their password alone goes to stdout."""

    help = "Make a person known; prints the page where they set their password, good once and for a day."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """What they sign in with, and what they do."""
        parser.add_argument("username", help="what the person signs in with")
        parser.add_argument("--email", default="", help="signs in too, and is how single sign-on finds them")
        parser.add_argument("--name", default="", help="their full name")
        parser.add_argument("--role", help="what they do; 'operator' needs no institution")
        parser.add_argument("--institution", help="where they do it")

    @transaction.atomic
    def handle(self, *_args: Any, **options: Any) -> None:
        """Create them, and show the path."""
        institution = institution_named(options["institution"])
        known = {"username": options["username"], "email": options["email"], "full_name": options["name"]}
        now = timezone.now()
        try:
            user = create_user(**known, actor=ACTOR, now=now)
            if options["role"]:
                grant_role(user=user, role=options["role"], institution=institution, actor=ACTOR, now=now)
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stderr.write("They set their password at this path of the web address, once and within a day:")
        self.stdout.write(invite(user=user, actor=ACTOR, now=now))
