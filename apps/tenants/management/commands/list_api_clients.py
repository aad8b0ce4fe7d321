"""Which systems are let in, by what, and since when."""

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from apps.tenants.models import ApiClient, ClientKey


class Command(BaseCommand):
    """Lists API clients and their keys, a line each."""

    help = "List API clients and the visible parts of their keys."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Of which institution."""
        parser.add_argument("institution", nargs="?", help="name of the institution; all unless said")

    def handle(self, *_args: Any, **options: Any) -> None:
        """List them."""
        clients = ApiClient.objects.select_related("institution").prefetch_related("keys")
        if options["institution"]:
            clients = clients.filter(institution__name=options["institution"])
        now = timezone.now()
        for client in clients.order_by("institution__name", "name", "created_at"):
            state = "may call" if client.may_call(now) else "may not call"
            self.stdout.write(f"{client.pk}  {client.institution}: {client}, {state}")
            self.stdout.write(f"    scopes {' '.join(client.scopes)}")
            for key in sorted(client.keys.all(), key=_created):
                self.stdout.write(f"    key {key.pk} {key} {_state(key, now)}")


def _created(key: ClientKey) -> datetime:
    return key.created_at


def _state(key: ClientKey, now: datetime) -> str:
    used = "never used" if key.last_used_at is None else f"last used {key.last_used_at:%Y-%m-%d %H:00} UTC"
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d %H:%M} UTC, {used}"
    if key.expires_at is None:
        return f"good, {used}"
    return f"{'good until' if now < key.expires_at else 'ended'} {key.expires_at:%Y-%m-%d %H:%M} UTC, {used}"
