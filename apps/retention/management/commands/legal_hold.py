"""Keep records that a court, an authority or the bank itself asks to keep."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common import scope
from apps.common.errors import DomainError
from apps.retention.models import LegalHold
from apps.retention.services import place_hold, release_hold
from apps.tenants.models import Institution

ACTOR = "command:legal_hold"


class Command(BaseCommand):
    """Places, releases and lists legal holds."""

    help = "Keep an institution's records, some class of them, or one account's, until the hold is released."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``place``, ``release`` or ``list``, and of what."""
        parser.add_argument("act", choices=["place", "release", "list"])
        parser.add_argument("institution", help="name of the institution")
        parser.add_argument("--account", help="one account's records; all unless said")
        parser.add_argument("--class", dest="record_class", default="", help="one class of record; all unless said")
        parser.add_argument("--reason", default="", help="of a hold to be placed; it is sealed")
        parser.add_argument("--hold", type=UUID, help="the hold to be released")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do it, and say what is held."""
        institution = Institution.objects.filter(name=options["institution"]).first()
        if institution is None:
            raise CommandError("There is no institution of this name.")
        with scope.entered(scope.of(institution.pk)):
            try:
                getattr(self, f"_{options['act']}")(institution, options)
            except DomainError as refused:
                raise CommandError(refused.detail) from refused

    def _place(self, institution: Institution, options: dict[str, Any]) -> None:
        hold = place_hold(
            institution=institution,
            reason=options["reason"],
            record_class=options["record_class"],
            subject=("account", options["account"]) if options["account"] else None,
            actor=ACTOR,
            now=timezone.now(),
        )
        self.stdout.write(f"{hold.pk} is in force.")

    def _release(self, institution: Institution, options: dict[str, Any]) -> None:
        if options["hold"] is None:
            raise CommandError("Name the hold with --hold; `list` shows those in force.")
        release_hold(institution=institution, hold_id=options["hold"], actor=ACTOR, now=timezone.now())
        self.stdout.write("Released.")

    def _list(self, institution: Institution, _options: dict[str, Any]) -> None:
        for hold in LegalHold.objects.filter(institution=institution, released_at__isnull=True).order_by("placed_at"):
            of = "one subject" if hold.subject_digest else "all subjects"
            self.stdout.write(f"{hold.pk}  {hold.record_class or 'all classes'}, {of}, since {hold.placed_at:%Y-%m-%d}")
