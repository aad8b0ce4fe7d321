"""Forget old answers; run it from a timer, once an hour or so."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.api.replies import purge_idempotency_records

KEPT_HOURS = 24  # what the API promises


class Command(BaseCommand):
    """Deletes answers kept longer than promised."""

    help = "Forget answers kept for idempotent requests longer than 24 hours."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--hours``, never fewer than promised."""
        parser.add_argument("--hours", type=int, default=KEPT_HOURS, help="keep this many hours, at least 24")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Purge, and say how many."""
        if options["hours"] < KEPT_HOURS:
            raise CommandError(f"The API promises to keep answers {KEPT_HOURS} hours; --hours may not be less.")
        count = purge_idempotency_records(before=timezone.now() - timedelta(hours=options["hours"]))
        self.stdout.write(f"{count} answers forgotten.")
