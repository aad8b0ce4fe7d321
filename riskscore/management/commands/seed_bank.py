"""Prepare a bank: the institution, the starting rules and the starting thresholds, written down as its own."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from riskscore.services import seed_bank


class Command(BaseCommand):
    """Prepares one bank and prints its identifier. Safe to repeat."""

    help = "Prepare a bank with the starting rules and thresholds; prints its identifier. Safe to repeat."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Its name."""
        parser.add_argument("name", help="unique, e.g. 'First Bank'")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Prepare it."""
        try:
            institution = seed_bank(name=options["name"], actor="command:seed_bank", now=timezone.now())
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(str(institution.pk))
