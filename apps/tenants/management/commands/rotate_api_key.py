"""Give a system its next key while the one it has goes on for a while."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.tenants.keys import OVERLAP, issue_key
from apps.tenants.models import ApiClient


class Command(BaseCommand):
    """Issues another key. It alone goes to stdout."""

    help = "Give an API client another key, printed once; the keys it has end after an overlap."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose key, how long both are good, and how long the new one is."""
        parser.add_argument("client", type=UUID, help="identifier of the API client")
        hours = OVERLAP.total_seconds() / 3600
        parser.add_argument(
            "--overlap-hours", type=float, default=hours, help=f"{hours:g} unless said; 0 ends them now"
        )
        parser.add_argument("--days", type=float, help="after how many days the new key ends; never unless said")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Issue it, and show it."""
        client = ApiClient.objects.filter(pk=options["client"]).first()
        if client is None:
            raise CommandError(f"There is no API client {options['client']}.")
        now = timezone.now()
        try:
            _row, key = issue_key(
                client=client,
                now=now,
                actor="command:rotate_api_key",
                overlap=timedelta(hours=options["overlap_hours"]),
                expires_at=None if options["days"] is None else now + timedelta(days=options["days"]),
            )
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stderr.write("Keep the key now: it cannot be shown again.")
        self.stdout.write(key)
