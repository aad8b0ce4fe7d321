"""Seal everything again under the current key, beside any load."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.common.encryption.keys import keyring
from apps.common.encryption.rotation import seal_again, sealed_columns
from apps.common.encryption.sealing import SealBroken

PASSES = 5  # a row that somebody holds in one is free in the next


class Command(BaseCommand):
    """Seals again what older keys sealed. Safe to break off, to repeat, and under load."""

    help = "Seal every stored value again under the current key; the older keys may be removed when none remains."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """``--status`` only counts."""
        parser.add_argument("--status", action="store_true", help="only say how many values older keys hold")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Seal again, column by column, and say what remains."""
        passes = 0 if options["status"] else PASSES
        while (remaining := self._remaining()) and passes:
            self._seal_all()
            passes -= 1
        current = keyring().current
        if remaining:
            self.stdout.write(f"{remaining} values remain under older keys than {current}.")
        else:
            self.stdout.write(f"Everything is sealed under {current}; older keys may be removed.")

    def _remaining(self) -> int:
        return sum(column.remaining() for column in sealed_columns())

    def _seal_all(self) -> None:
        for column in sealed_columns():
            try:
                if total := seal_again(column):
                    self.stdout.write(f"{column.name}: {total} sealed again")
            except SealBroken as broken:
                raise CommandError(f"{column.name}: {broken.detail}") from broken
