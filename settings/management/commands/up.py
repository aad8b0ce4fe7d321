"""Everything Assay needs, in one terminal."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from settings import stack
from settings.embedded import EmbeddedServerError
from settings.supervisor import NotReadyError, Supervisor

READY_TIMEOUT_S = 180.0


class Command(BaseCommand):
    """Runs web, gRPC, workers and reconciler until Ctrl-C, restarting what dies."""

    help = "Start everything and serve until Ctrl-C."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Start, say where it answers, watch, stop."""
        try:
            ports = stack.Ports.named()
            stack.prepare()
        except (EmbeddedServerError, stack.PortTakenError) as error:
            raise CommandError(str(error)) from error
        family = stack.supervisor(ports)
        stop_on_signals(family)
        try:
            self._serve(family, ports=ports)
        except NotReadyError as error:
            raise CommandError(str(error)) from error
        finally:
            self._say(_("Stopping."))
            family.stop()

    def _serve(self, family: Supervisor, *, ports: stack.Ports) -> None:
        family.start()
        if not family.wait_until_ready(timeout_s=READY_TIMEOUT_S, on_ready=self._is_up):
            return
        self._say(_("Assay answers at http://localhost:%(port)s/api/docs") % {"port": ports.web})
        self._say(_("gRPC at localhost:%(port)s") % {"port": ports.grpc})
        self._say(_("A key for a system of yours:"))
        self._say("  .venv/bin/python manage.py create_institution --help")
        self._say("  .venv/bin/python manage.py create_api_client --help")
        self._say(_("Logs: %(folder)s. Ctrl-C stops everything.") % {"folder": family.logs})
        threading.Thread(target=stack.tend_servers, args=(family,), daemon=True).start()
        family.watch(on_restart=lambda name: self.stderr.write(_("%(name)s had ended; restarted") % {"name": name}))

    def _say(self, sentence: str) -> None:
        self.stdout.write(sentence)
        self.stdout.flush()  # whoever reads through a pipe wants it now

    def _is_up(self, name: str) -> None:
        self._say(_("%(name)s is up") % {"name": name})


def stop_on_signals(family: Supervisor) -> None:
    """Let Ctrl-C and SIGTERM end ``watch`` and ``wait_until_ready`` in an orderly way."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: family.request_stop())
