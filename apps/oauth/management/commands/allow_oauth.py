"""Let a system get access tokens."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.oauth.services import register_application
from apps.tenants.models import ApiClient


class Command(BaseCommand):
    """Says what an API client proves itself by at the token endpoint; again to change it."""

    help = "Let an API client get access tokens: for its API key as secret, or for assertions it signs itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which client, and where its public keys are if it has some."""
        parser.add_argument("client", type=UUID, help="identifier of the API client")
        keys = parser.add_mutually_exclusive_group()
        keys.add_argument("--jwks", type=Path, help="file with its public keys, as a JSON Web Key Set")
        keys.add_argument("--jwks-uri", default="", help="https address of them, on a host of ASSAY_JWKS_HOSTS")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Register it, and print its client_id."""
        client = ApiClient.objects.filter(pk=options["client"]).first()
        if client is None:
            raise CommandError(f"There is no API client {options['client']}.")
        try:
            application = register_application(
                client=client,
                now=timezone.now(),
                actor="command:allow_oauth",
                jwks=None if options["jwks"] is None else json.loads(options["jwks"].read_text()) or {},
                jwks_uri=options["jwks_uri"],
                hosts=settings.JWKS_HOSTS,
            )
        except (OSError, ValueError) as unread:
            raise CommandError(f"{options['jwks']}: {unread}") from unread
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stderr.write(f"Proves itself by {application.proof}. Its client_id:")
        self.stdout.write(application.client_id)
