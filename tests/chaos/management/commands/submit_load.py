"""The load: jobs at a fixed rate, whatever becomes of those before."""

import time
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from apps.jobs import services
from apps.tenants.models import Institution

DEADLINE_S = 600.0  # none is to end by its deadline: that would hide a loss


class Command(BaseCommand):
    """Submits jobs on a fixed schedule until a file appears; writes the id of every one that was promised."""

    def add_arguments(self, parser: CommandParser) -> None:
        """What, how fast, and where to write."""
        parser.add_argument("kind")
        parser.add_argument("--rate", type=float, required=True, help="jobs a second")
        parser.add_argument("--ledger", type=Path, required=True)
        parser.add_argument("--until", type=Path, required=True, help="ends when this file exists")
        parser.add_argument("--count", type=int, default=1_000_000)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Submit."""
        bank, _ = Institution.objects.get_or_create(name="First Bank", kind="bank")
        begun = time.monotonic()
        with options["ledger"].open("a", buffering=1) as ledger:
            for number in range(options["count"]):
                if options["until"].exists():
                    return
                time.sleep(max(0.0, begun + number / options["rate"] - time.monotonic()))
                now = timezone.now()
                job = services.enqueue(
                    institution=bank,
                    kind=options["kind"],
                    subject_id=uuid4(),
                    deadline_at=now + timedelta(seconds=DEADLINE_S),
                    now=now,
                )
                ledger.write(f"{job.pk}\n")
