"""The whole state in one file, while everything runs."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.audit.services import Subject, record
from settings.backups import ToolFailed, back_up, write_keys

TELL_EVERY_S = 5.0


class Command(BaseCommand):
    """Writes a new file that `restore` reads; never overwrites one. Safe beside any load."""

    requires_system_checks = ()  # a backup is made even where something is wrong
    help = "Write the whole state to one file, while everything runs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("--to", type=Path, required=True, help="the file to write; it must not exist")
        parser.add_argument(
            "--with-keys", type=Path, metavar="FILE", help="also write the keys, to a file of their own (mode 600)"
        )

    def handle(self, *_args: Any, to: Path, with_keys: Path | None, **_options: Any) -> None:
        """Write it, and say what is in it."""
        told = Progress(self, _("%(megabytes)d MB written"))
        try:
            if with_keys is not None:
                write_keys(with_keys)
            record(
                actor="command:backup",
                action="backup.begun",
                institution=None,
                subject=Subject(label="settings.backup"),
                now=timezone.now(),
                details={"with_keys": with_keys is not None},
            )
            manifest = back_up(url=settings.DATABASE_URL, to=to, now=timezone.now(), on_bytes=told)
        except FileExistsError as error:
            raise CommandError(_("%(file)s exists; nothing was written.") % {"file": error.args[-1]}) from error
        except (ToolFailed, OSError) as error:
            raise CommandError(str(error)) from error
        counts = {"file": to, "tables": len(manifest.rows), "rows": sum(manifest.rows.values())}
        self.stdout.write(_("%(file)s holds %(rows)d rows of %(tables)d tables.") % counts)
        keys = ", ".join(manifest.key_ids)
        self.stdout.write(_("Restoring it needs the index key and the encryption keys %(keys)s.") % {"keys": keys})


class Progress:
    """A line now and then about how far a long piece of work has come."""

    def __init__(self, command: BaseCommand, sentence: str) -> None:
        self._command, self._sentence = command, sentence
        self._bytes, self._told_at = 0, time.monotonic()

    def __call__(self, count: int) -> None:
        """Count bytes, and say so if the last line is a while ago."""
        self._bytes += count
        if time.monotonic() - self._told_at > TELL_EVERY_S:
            self._told_at = time.monotonic()
            self._command.stderr.write(self._sentence % {"megabytes": self._bytes >> 20})
