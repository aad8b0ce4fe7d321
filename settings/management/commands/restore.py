"""A backup, brought back."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.audit.services import Subject, record
from settings.backups import Archive, ArchiveBroken, RestoreRefused, ToolFailed, restore
from settings.management.commands.backup import Progress


class Command(BaseCommand):
    """Checks a backup from end to end, then brings it into an empty database and up to date."""

    requires_system_checks = ()  # a backup is brought back where little else works
    help = "Bring a backup back into an empty database, and up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which, and whether it may replace what is there."""
        parser.add_argument("file", type=Path, help="what `backup` wrote")
        parser.add_argument("--force", action="store_true", help="replace what is in the database")

    def handle(self, *_args: Any, file: Path, force: bool, **_options: Any) -> None:
        """Check, restore, migrate, and say what is still missing."""
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        told = Progress(self, _("%(megabytes)d MB checked"))
        try:
            manifest, missing = restore(url=settings.DATABASE_URL, archive=Archive(file), replaces=force, on_bytes=told)
        except (ArchiveBroken, RestoreRefused, ToolFailed) as refused:
            raise CommandError(_("Not restored: %(why)s") % {"why": refused}) from refused
        call_command("migrate", verbosity=0, interactive=False)  # puts roles and policies in place, too
        record(
            actor="command:restore",
            action="backup.restored",
            institution=None,
            subject=Subject(label="settings.backup", id=manifest.id),
            now=timezone.now(),
            details={"made_at": manifest.made_at, "replaced": force},
        )
        counts = {"rows": sum(manifest.rows.values()), "made": manifest.made_at}
        self.stdout.write(_("%(rows)d rows of %(made)s are back.") % counts)
        for model in missing:
            self.stderr.write(_("The checkpoint of %(model)s is not here as it was registered.") % {"model": model})
