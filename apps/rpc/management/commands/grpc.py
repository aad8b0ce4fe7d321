"""The gRPC process."""

import signal
import threading
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from apps.common.postgresql import guard
from apps.jobs.worker import Health
from apps.rpc import methods
from apps.rpc.server import Server, Tls

GRACE_S = 15.0  # for calls inside; the supervisor waits 20 s
LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})

logger = structlog.get_logger(__name__)


class Command(BaseCommand):
    """Serves what the domains registered until SIGTERM, then lets calls inside end."""

    help = "Serve gRPC; see ASSAY_GRPC_* in docs/operations.md."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Listen, serve, drain."""
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        try:
            guard.require()
            server = Server(
                methods.registered(),
                address=f"{settings.GRPC_HOST}:{settings.GRPC_PORT}",
                in_flight=settings.GRPC_IN_FLIGHT,
                tls=tls(),
            )
        except ImproperlyConfigured as refused:
            raise CommandError(str(refused)) from refused
        probes = Health(settings.GRPC_PROBE_HOST, settings.GRPC_PROBE_PORT, is_ready=lambda: server.is_ready)
        probes.start()
        server.start()
        logger.info("grpc_started", port=server.port, tls=tls() is not None)
        while not stopping.wait(1.0):  # in short turns, so that signal handlers get theirs
            pass
        server.stop(grace_s=GRACE_S)


def tls() -> Tls | None:
    """What was configured.

    Raises:
        ImproperlyConfigured: only half of it was; or none, where production would serve others in plain text.
    """
    certificate, key, client_ca = settings.GRPC_TLS_CERTIFICATE, settings.GRPC_TLS_KEY, settings.GRPC_TLS_CLIENT_CA
    if bool(certificate) != bool(key) or (client_ca and not key):
        raise ImproperlyConfigured("Give ASSAY_GRPC_TLS_CERTIFICATE and ASSAY_GRPC_TLS_KEY together, or neither.")
    if certificate:
        return Tls(certificate=Path(certificate), key=Path(key), client_ca=Path(client_ca) if client_ca else None)
    if settings.GRPC_TLS_REQUIRED and settings.GRPC_HOST not in LOOPBACK:
        raise ImproperlyConfigured(
            "Keys would travel in plain text: give ASSAY_GRPC_TLS_CERTIFICATE and ASSAY_GRPC_TLS_KEY, or let "
            "ASSAY_GRPC_HOST be 127.0.0.1 with a proxy that ends TLS before it."
        )
    return None
