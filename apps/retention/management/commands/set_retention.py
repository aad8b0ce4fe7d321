"""Say how long an institution's records are kept."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common import scope
from apps.common.errors import DomainError
from apps.retention.services import set_retention
from apps.tenants.models import Institution


class Command(BaseCommand):
    """Sets a retention rule."""

    help = "Keep a class of an institution's records for so many days."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, which class, how long."""
        parser.add_argument("institution", help="name of the institution")
        parser.add_argument("record_class", help="such as risk.records")
        parser.add_argument("days", type=int)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Set it."""
        institution = Institution.objects.filter(name=options["institution"]).first()
        if institution is None:
            raise CommandError("There is no institution of this name.")
        with scope.entered(scope.of(institution.pk)):
            try:
                rule = set_retention(
                    institution=institution,
                    record_class=options["record_class"],
                    days=options["days"],
                    actor="command:set_retention",
                    now=timezone.now(),
                )
            except DomainError as refused:
                raise CommandError(refused.detail) from refused
        self.stdout.write(f"{rule}.")
