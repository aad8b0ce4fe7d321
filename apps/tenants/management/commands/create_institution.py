"""Take on a bank or a hospital."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.tenants.models import Institution
from apps.tenants.services import create_institution


class Command(BaseCommand):
    """Creates one institution and prints its identifier."""

    help = "Take on a bank or a hospital; prints its identifier."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Its name, and which of the two it is."""
        parser.add_argument("name", help="unique, e.g. 'First Bank'")
        parser.add_argument("--kind", required=True, choices=Institution.Kind.values)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create it."""
        try:
            institution = create_institution(
                name=options["name"], kind=options["kind"], actor="command:create_institution", now=timezone.now()
            )
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(str(institution.pk))
