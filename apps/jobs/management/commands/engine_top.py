"""What inference workers do just now."""

import time
import urllib.error
import urllib.request
from argparse import ArgumentParser
from contextlib import suppress
from typing import IO, Any, cast

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from apps.jobs.top.frame import model_lines, worker_line
from apps.jobs.top.reading import Reading, Span

TIMEOUT_S = 2.0


class Command(BaseCommand):
    """A live view of queues, batches, cache and latencies, read off the workers' ``/metrics``."""

    help = "Show what inference workers do just now; Ctrl-C ends it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Which workers, how often, and whether once only."""
        own = f"{settings.WORKER_HOST}:{settings.WORKER_PORT}"
        parser.add_argument("workers", nargs="*", default=[own], help="host:port of workers; this machine's by default")
        parser.add_argument("--interval", type=float, default=2.0, help="seconds between two readings")
        parser.add_argument("--once", action="store_true", help="print one frame and end")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Show it. Raises CommandError if no worker answers at the start, or rich is not installed."""
        try:
            from rich.console import Console
            from rich.live import Live
        except ImportError:
            raise CommandError("engine_top needs rich: pip install -r requirements/local.txt") from None
        readings = {worker: read(worker) for worker in options["workers"]}
        if not any(readings.values()):
            raise CommandError(f"no worker answers at {', '.join(options['workers'])}")
        console = Console(file=cast("IO[str]", self.stdout), width=None if self.stdout.isatty() else 200)
        if options["once"]:
            time.sleep(options["interval"])
            console.print(self._frame(readings))
            return
        with suppress(KeyboardInterrupt), Live(console=console, auto_refresh=False, screen=True) as live:
            while True:
                time.sleep(options["interval"])
                live.update(self._frame(readings), refresh=True)

    def _frame(self, readings: dict[str, Reading | None]) -> Any:
        """The frame since the last readings, which are replaced by new ones."""
        from apps.jobs.top.view import render

        spans, silent = {}, []
        for worker, before in readings.items():
            after = read(worker)
            readings[worker] = after
            if after is None:
                silent.append(worker)
            else:
                spans[worker] = Span(before or after, after)
        lines = [line for worker, span in spans.items() for line in model_lines(worker, span)]
        return render([worker_line(worker, span) for worker, span in spans.items()], lines, silent)


def read(worker: str) -> Reading | None:
    """What a worker shows now; None if it does not answer."""
    try:
        with urllib.request.urlopen(f"http://{worker}/metrics", timeout=TIMEOUT_S) as answer:
            return Reading.parse(answer.read().decode(), at_s=time.monotonic())
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return None
