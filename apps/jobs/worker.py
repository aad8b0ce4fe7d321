"""What an inference worker does besides its tasks: start the engine, show its health, drain, end."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, connections
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.jobs import runtime, selectors
from apps.registry import services as registry
from inference.api import CheckpointRefused
from inference.backends.base import BackendRefused

logger = structlog.get_logger(__name__)

QUEUE = "inference"
DRAIN_S = 15.0
END_S = DRAIN_S + 1.0  # from being asked to end to having ended, at most


def serves_inference(worker: Any) -> bool:
    """Whether a Celery worker listens to the queue that needs an engine."""
    return QUEUE in worker.app.amqp.queues.consume_from


def start(worker: Any) -> None:
    """Open the health port, load every champion, start the engine. Ends the process if it cannot serve."""
    health = Health(settings.WORKER_HOST, settings.WORKER_PORT)
    health.start()
    REGISTRY.register(BacklogCollector())
    try:
        versions = registry.champions()
        if not versions:
            sys.exit("No champion is registered: see `manage.py register_model`.")
        running = runtime.start(versions, pool=pool_name(worker))
    except (runtime.NotAWorkerError, CheckpointRefused, BackendRefused) as refused:
        sys.exit(str(refused))
    finally:
        connections.close_all()
    health.runtime = running
    logger.info("engine_started", models=sorted(running.served))


def stop() -> None:
    """Drain: what is in flight is finished, what comes later is handed back to its queue."""
    runtime.current().drain(timeout_s=DRAIN_S)


def bound_quitting() -> None:
    """Let SIGQUIT end this process within `END_S`, even where Celery's own handling of it would not.

    Celery shuts its thread pool down inside the signal's handler; where the signal came while the main thread
    handed a task to that pool, it waits for ever for a lock it holds itself (celery 5.7.0, one SIGQUIT in four
    under load; 2026-11-24). What was in hand by then is queued again when its lease ends.
    """
    quit_cold = signal.getsignal(signal.SIGQUIT)

    def bounded(number: int, frame: FrameType | None) -> None:
        timer = threading.Timer(END_S, os._exit, args=(0,))
        timer.daemon = True
        timer.start()
        if callable(quit_cold):
            quit_cold(number, frame)

    signal.signal(signal.SIGQUIT, bounded)


def pool_name(worker: Any) -> str:
    """How a Celery worker runs its tasks: prefork, threads, solo ..."""
    module = worker.pool_cls if isinstance(worker.pool_cls, str) else worker.pool_cls.__module__
    return {"thread": "threads"}.get(name := module.rsplit(".", 1)[-1].split(":")[0], name)


class Health:
    """``/livez``, ``/readyz`` and ``/metrics`` on a port of a process that serves no HTTP otherwise."""

    def __init__(self, host: str, port: int, *, is_ready: Callable[[], bool] | None = None) -> None:
        """Bind the port; a worker is ready by its ``runtime``, another process by what it says itself."""
        self.runtime: runtime.Runtime | None = None
        self._is_ready = is_ready or (lambda: self.runtime is not None and self.runtime.ready)
        handler = type("Handler", (_Handler,), {"health": self})
        self._server = ThreadingHTTPServer((host, port), handler)
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Answer in a thread of its own."""
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        if path == "/livez":
            return 200, "text/plain", b"alive\n"
        if path == "/readyz":
            return (200, "text/plain", b"ready\n") if self._is_ready() else (503, "text/plain", b"not ready\n")
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY)
        return 404, "text/plain", b"no such page\n"


class BacklogCollector(Collector):
    """``inference_backlog``: open jobs in the table, by kind and status, counted when asked."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """One sample per kind and status; none while PostgreSQL does not answer."""
        backlog = GaugeMetricFamily("inference_backlog", "Open jobs, by kind and status.", labels=("kind", "status"))
        try:
            for labels, count in selectors.backlog().items():
                backlog.add_metric(labels, count)
        except DatabaseError as error:
            logger.warning("backlog_unknown", error=type(error).__name__)
        finally:
            connections.close_all()
        yield backlog

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Its name, without asking PostgreSQL."""
        yield GaugeMetricFamily("inference_backlog", "Open jobs, by kind and status.", labels=("kind", "status"))


class _Handler(BaseHTTPRequestHandler):
    health: Health

    def do_GET(self) -> None:
        status, content_type, body = self.health.answer(self.path.split("?")[0])
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: Any) -> None:
        """Probes are not worth a line."""
