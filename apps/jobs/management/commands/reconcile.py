"""The reconciler's process."""

import signal
import threading
import time
from dataclasses import asdict
from types import FrameType
from typing import Any

import structlog
from django.core.management.base import BaseCommand, CommandParser
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone

from apps.common import chores
from apps.common.postgresql import guard
from apps.jobs import reconciler

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Loops over PostgreSQL alone; outlives its restarts; ends on SIGTERM once its pass is done."""

    help = "Bring back lost jobs, end overdue ones, tell workers of those that wait, and do the chores."

    def add_arguments(self, parser: CommandParser) -> None:
        """``--once`` for a scheduler of your own."""
        parser.add_argument("--once", action="store_true", help="make one pass and end")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Make passes until told to stop."""
        guard.require()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _setter(stopping))
        if options["once"]:
            self.stdout.write(str(reconciler.reconcile_once(now=timezone.now())))
            return
        threading.Thread(target=_do_chores, args=(stopping,), name="chores", daemon=True).start()
        while not stopping.is_set():
            stopping.wait(_pass())


def _do_chores(stopping: threading.Event) -> None:
    """The chores, in a thread of their own so that a long one delays no deadline."""
    rota = chores.Rota(chores.registered())
    while not stopping.is_set():
        try:
            pause_s = rota.run_due(monotonic_s=time.monotonic(), now=timezone.now())
        except (OperationalError, InterfaceError) as error:
            logger.warning("chores_wait_for_postgresql", error=type(error).__name__)
            pause_s = reconciler.TICK_S
        connection.close()
        stopping.wait(pause_s)


def _pass() -> float:
    """One pass. Returns the seconds until the next; a lost PostgreSQL is asked again after a tick."""
    try:
        counts = reconciler.reconcile_once(now=timezone.now())
        pause_s = reconciler.pause_s(now=timezone.now())
    except (OperationalError, InterfaceError) as error:
        logger.warning("postgresql_does_not_answer", error=type(error).__name__)
        connection.close()
        return reconciler.TICK_S
    if counts != reconciler.Counts():
        logger.info("reconciled", **asdict(counts))
    return pause_s


def _setter(event: threading.Event) -> "Any":
    def stop(_number: int, _frame: FrameType | None) -> None:
        event.set()

    return stop
