"""Take in a checkpoint."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from apps.common.errors import DomainError
from apps.registry import services
from apps.registry.models import ModelVersion


class Command(BaseCommand):
    """Registers a checkpoint folder after comparing every file with its sum. Safe to repeat."""

    help = "Register a checkpoint folder, and say whether it answers."

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Let ``--version`` mean the model's, not Django's."""
        return super().create_parser(prog_name, subcommand, conflict_handler="resolve", **kwargs)

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The folder, and what it is called here."""
        parser.add_argument("folder", type=Path, help="a checkpoint folder below ASSAY_CHECKPOINTS")
        parser.add_argument("--name", required=True, help="what the model is for, e.g. risk")
        parser.add_argument("--version", dest="model_version", required=True)
        parser.add_argument("--alias", default="", choices=ModelVersion.Alias.values)
        parser.add_argument("--precision", default="int8", choices=ModelVersion.Precision.values)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Register it."""
        try:
            version, created = services.register(
                folder=options["folder"],
                checkpoints=settings.CHECKPOINTS,
                name=options["name"],
                version=options["model_version"],
                precision=options["precision"],
                alias=options["alias"],
                actor="command:register_model",
                now=timezone.now(),
            )
        except DomainError as refused:
            raise CommandError(refused.detail) from refused
        self.stdout.write(f"{version} {version.digest} {'registered' if created else 'was registered before'}")
