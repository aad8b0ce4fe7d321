"""The gRPC server: methods behind their edge, standard health, TLS by files, and an orderly end."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import grpc
import structlog
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connections
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from apps.api.limits.door import Door
from apps.api.parsers import MAX_BYTES
from apps.common.health import can_serve
from apps.rpc.edge import Edge
from apps.rpc.methods import Method

SPARE_THREADS = 16  # beyond those that may be inside, to refuse the others and to answer about health
LOOK_EVERY_S = 2.0  # at whether this process can serve
OPTIONS = (
    ("grpc.max_receive_message_length", MAX_BYTES),  # as REST's bodies
    ("grpc.max_metadata_size", 16 * 1024),
    ("grpc.so_reuseport", 0),  # a second server on the port is a mistake, and is told so
    ("grpc.keepalive_time_ms", 60_000),  # a peer that vanished is noticed, and its calls are cancelled
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """Files in PEM. With ``client_ca`` a client without a certificate of it is not let in (mutual TLS)."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """The files as gRPC takes them. Raises ImproperlyConfigured: one cannot be read."""
        try:
            pair = (self.key.read_bytes(), self.certificate.read_bytes())
            authority = self.client_ca.read_bytes() if self.client_ca else None
        except OSError as error:
            raise ImproperlyConfigured(f"A file of ASSAY_GRPC_TLS_* cannot be read: {error.filename}.") from None
        return grpc.ssl_server_credentials([pair], authority, require_client_auth=authority is not None)


class Server:
    """Serves methods at an address until it is stopped."""

    def __init__(self, methods: list[Method], *, address: str, in_flight: int, tls: Tls | None = None) -> None:
        """Bind the address.

        Args:
            address: host and port; port 0 takes a free one.
            in_flight: calls that are answered at the same time.

        Raises:
            ImproperlyConfigured: the address is taken, or a file of ``tls`` is missing or wrong.
        """
        self._health = health.HealthServicer()
        self._methods = methods
        pool = ThreadPoolExecutor(max_workers=in_flight + SPARE_THREADS, thread_name_prefix="rpc")
        self._server = grpc.server(pool, options=OPTIONS, maximum_concurrent_rpcs=in_flight + SPARE_THREADS)
        edge = Edge(Door(in_flight))
        for service, found in _by_service(methods).items():
            handlers = {method.name: edge.handler(method) for method in found}
            self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, handlers),))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._say(serving=False)
        self.port = self._bind(address, tls)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Serve in threads of its own, and keep saying whether it can."""
        self._server.start()
        self.look()
        threading.Thread(target=self._watch, name="rpc-health", daemon=True).start()

    def stop(self, *, grace_s: float) -> None:
        """Tell health's watchers, refuse new calls, let those inside end; cancel the rest after ``grace_s``."""
        self._stopping.set()
        self._health.enter_graceful_shutdown()
        self._server.stop(grace_s).wait()

    @property
    def is_ready(self) -> bool:
        """Whether it serves, as health said last."""
        return self._is_serving and not self._stopping.is_set()

    def look(self) -> None:
        """Find out whether this process can serve, as ``/readyz`` does, and say so."""
        try:
            self._say(serving=can_serve())
        except DatabaseError:
            self._say(serving=False)
        finally:
            connections.close_all()

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            self.look()

    def _say(self, *, serving: bool) -> None:
        self._is_serving = serving
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        for service in ("", *_by_service(self._methods)):
            self._health.set(service, status)

    def _bind(self, address: str, tls: Tls | None) -> int:
        try:
            if tls is not None:
                return int(self._server.add_secure_port(address, tls.credentials()))
            return int(self._server.add_insecure_port(address))
        except RuntimeError:
            raise ImproperlyConfigured(f"gRPC cannot listen at {address}: is the port in use?") from None


def _by_service(methods: list[Method]) -> dict[str, list[Method]]:
    found: dict[str, list[Method]] = {}
    for method in methods:
        found.setdefault(method.service, []).append(method)
    return found
