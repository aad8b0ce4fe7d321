"""Make one key useless, and leave the client its others."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.common.errors import DomainError
from apps.tenants.keys import revoke_key
from apps.tenants.models import ClientKey


class Command(BaseCommand):
    """Revokes one key, from its next request on."""

    help = "Make one API key useless from the next request on; see list_api_clients."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which key: its identifier, or the beginning of it that is shown."""
        parser.add_argument("key", help="identifier or prefix of the key, e.g. ak_live_Xy12ab; never the key itself")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Revoke it."""
        try:
            revoke_key(key=_named(options["key"]), now=timezone.now(), actor="command:revoke_api_key")
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write("The key is revoked.")


def _named(name: str) -> ClientKey:
    """The one key of this name. Raises CommandError if there is none, or more than one."""
    try:
        found = ClientKey.objects.filter(pk=UUID(name))
    except ValueError:
        found = ClientKey.objects.filter(prefix=name)
    if len(found) != 1:
        raise CommandError(f"{len(found)} keys go by this name; list_api_clients shows them all.")
    return found[0]
