"""Make a key useless."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.tenants.models import ApiClient
from apps.tenants.services import revoke_client


class Command(BaseCommand):
    """Revokes one API client, from its next request on."""

    help = "Make the key of an API client useless from the next request on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which client, by the identifier that create_api_client printed."""
        parser.add_argument("client", type=UUID, help="identifier of the API client")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Revoke it."""
        client = ApiClient.objects.filter(pk=options["client"]).first()
        if client is None:
            raise CommandError(f"There is no API client {options['client']}.")
        try:
            revoke_client(client=client, now=timezone.now(), actor="command:revoke_api_client")
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(f"{client} is revoked.")
