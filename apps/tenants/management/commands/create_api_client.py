"""Give a system of an institution a key."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.tenants.models import ApiClient, Institution
from apps.tenants.services import create_client


class Command(BaseCommand):
    """Creates an API client. Its key alone goes to stdout, so that a script can take it from there."""

    help = "Give a system of an institution a key; the key is printed once and stored nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose system, what it is called, and for which use."""
        parser.add_argument("institution", help="name of the institution")
        parser.add_argument("name", help="what the system is called, e.g. 'core banking'")
        parser.add_argument("--mode", required=True, choices=ApiClient.Mode.values)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Create it, and show the key."""
        institution = Institution.objects.filter(name=options["institution"]).first()
        if institution is None:
            raise CommandError(f"There is no institution called {options['institution']!r}; see create_institution.")
        try:
            client, key = create_client(
                institution=institution,
                name=options["name"],
                mode=options["mode"],
                now=timezone.now(),
                actor="command:create_api_client",
            )
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stderr.write(f"API client {client.pk}. Keep the key now: it cannot be shown again.")
        self.stdout.write(key)
