"""What a database needs before any process may start."""

from typing import Any

from django.core.management.base import BaseCommand

from settings import stack


class Command(BaseCommand):
    """Brings the tables up to date and registers the models that ship. Safe to repeat."""

    help = "Bring the tables up to date and register the models that ship."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Do both."""
        stack.prepare_database()
