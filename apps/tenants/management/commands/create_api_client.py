"""Let a system of an institution in, with a key."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.tenants.models import ApiClient, Institution
from apps.tenants.scopes import SCOPES
from apps.tenants.services import create_client, register_client


class Command(BaseCommand):
    """Creates an API client. Its key alone goes to stdout, so that a script can take it from there."""

    help = "Let a system of an institution in; its key is printed once and stored nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose system, what it is called, for which use, and what it may do for how long."""
        parser.add_argument("institution", help="name of the institution")
        parser.add_argument("name", help="what the system is called, e.g. 'core banking'")
        parser.add_argument("--mode", required=True, choices=ApiClient.Mode.values)
        parser.add_argument("--scope", action="append", choices=sorted(SCOPES), help="repeat it; all unless said")
        parser.add_argument("--days", type=float, help="after how many days it ends; never unless said")
        parser.add_argument("--no-key", action="store_true", help="for a client that will sign with a key of its own")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create it, and show the key."""
        institution = Institution.objects.filter(name=options["institution"]).first()
        if institution is None:
            raise CommandError(f"There is no institution called {options['institution']!r}; see create_institution.")
        now = timezone.now()
        told: dict[str, Any] = {
            "institution": institution,
            "name": options["name"],
            "mode": options["mode"],
            "now": now,
            "actor": "command:create_api_client",
            "scopes": options["scope"],
            "expires_at": None if options["days"] is None else now + timedelta(days=options["days"]),
        }
        try:
            client, key = (register_client(**told), None) if options["no_key"] else create_client(**told)
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        if key is None:
            self.stderr.write("API client without a key; see allow_oauth.")
            self.stdout.write(str(client.pk))
        else:
            self.stderr.write(f"API client {client.pk}. Keep the key now: it cannot be shown again.")
            self.stdout.write(key)
