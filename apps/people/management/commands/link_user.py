"""Let a provider's subject sign in as somebody."""

from argparse import ArgumentParser
from typing import Any

from apps.people.commands import PersonCommand
from apps.people.services import link_subject
from apps.tenants.models import User


class Command(PersonCommand):
    """Links a subject of an OpenID Connect provider to a person; for operators the only way in by single sign-on."""

    help = "Let a subject of an OpenID Connect provider sign in as this person."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Who is who."""
        super().add_arguments(parser)
        parser.add_argument("--issuer", required=True, help="as in ASSAY_OIDC_ISSUER")
        parser.add_argument("--subject", required=True, help="the claim 'sub' of the provider's tokens")

    def act(self, user: User, options: dict[str, Any], *, actor: str, now: Any) -> None:
        """Link them."""
        link_subject(user=user, issuer=options["issuer"], subject=options["subject"], actor=actor, now=now)
        self.stdout.write(f"{user}: done.")
