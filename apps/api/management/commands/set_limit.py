"""Setting what one institution or one of its clients may send."""

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from apps.api.limits.policies import Kind
from apps.api.limits.services import set_limit
from apps.common.errors import DomainError
from apps.tenants.models import ApiClient, Institution


class Command(BaseCommand):
    """Sets a quota a minute, or brings the default back."""

    help = "Set what an institution, or one client of it, may send in a minute; without a quota the default returns."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whose, of which kind, how much."""
        parser.add_argument("institution", help="name of the institution")
        parser.add_argument("kind", choices=[kind for kind in Kind if kind is not Kind.SIGN_IN])
        parser.add_argument("quota", type=int, nargs="?", help="a minute")
        parser.add_argument("--client", type=UUID, help="one of its clients, by its identifier")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Set it."""
        of: Institution | ApiClient | None = Institution.objects.filter(name=options["institution"]).first()
        if isinstance(of, Institution) and options["client"]:
            of = ApiClient.objects.visible_to(of).filter(pk=options["client"]).first()
        if of is None:
            raise CommandError("There is no such institution, or it has no such client.")
        try:
            set_limit(
                of=of, kind=Kind(options["kind"]), quota=options["quota"], actor="command:set_limit", now=timezone.now()
            )
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
