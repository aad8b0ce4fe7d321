"""Delete everything about one account."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.retention.services import erase_subject
from apps.tenants.models import Institution


class Command(BaseCommand):
    """Erases a subject's records; the trail keeps a digest and the counts."""

    help = "Delete everything about one account: events, assessments, labels, stored replies."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, and which account."""
        parser.add_argument("institution", help="name of the institution")
        parser.add_argument("--account", required=True, help="the bank's own reference of the account")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Erase, and say how much went."""
        institution = Institution.objects.filter(name=options["institution"]).first()
        if institution is None:
            raise CommandError("There is no institution of this name.")
        try:
            erased = erase_subject(
                institution=institution,
                kind="account",
                reference=options["account"],
                actor="command:erase_subject",
                now=timezone.now(),
            )
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(", ".join(f"{count} {name}" for name, count in sorted(erased.items())) + " erased.")
