"""What Assay consists of when it runs on one machine, and what must be true before it starts."""

import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from io import StringIO
from pathlib import Path

from django.conf import settings
from django.core.management import CommandError, call_command

from settings import embedded, roles
from settings.env import ROOT, env
from settings.supervisor import Service, Supervisor

SHIPPED_MODELS = {"risk-small": "risk"}  # folder below ASSAY_CHECKPOINTS, and what it is for
HOST = "127.0.0.1"
PORTS = {"ASSAY_WEB_PORT": 8000, "ASSAY_WORKER_PORT": 8001, "ASSAY_GRPC_PORT": 8002, "ASSAY_GRPC_PROBE_PORT": 8003}
SPARE_THREADS = 16  # beyond those that may be inside the gate, to refuse the others; 2026-11-24
CONNECTIONS = 2048  # of one web process; granian counts idle ones too, and accepts no more beyond them
HEADER_BYTES, HEADER_READ_MS = 65_536, 10_000  # of a request; granian refuses more than 100 headers by itself
DEFAULT_CONCURRENCY = 8  # webhooks and batches wait more than they compute; they share one process of 130 MB
TEND_EVERY_S = 2.0
SCORING_CONCURRENCY = 32  # tasks in one engine's hands, so that it can batch them


class PortTakenError(RuntimeError):
    """Another program listens where Assay is to listen."""


def prepare() -> None:
    """Start what is embedded, and make ready all that the processes expect. Safe to repeat.

    Raises:
        EmbeddedServerError: a server cannot run here.
    """
    if not env.str("REDIS_URL", default=None):
        embedded.start_redis(settings.STATE_DIR)
    prepare_database()
    call_command("collectstatic", verbosity=0, interactive=False)


def tend_servers(family: Supervisor) -> None:
    """Start the embedded servers again should they vanish with their keepers; returns once a stop was requested."""
    while not family.wait(TEND_EVERY_S):
        with suppress(embedded.EmbeddedServerError):  # said in its log; tried again
            if not env.str("REDIS_URL", default=None):
                embedded.start_redis(settings.STATE_DIR)
            if not env.str("DATABASE_URL", default=None):
                embedded.database_url(settings.STATE_DIR)


def prepare_database() -> None:
    """Bring the tables up to date, and register the models that ship. Safe to repeat.

    Raises:
        CommandError: a model that ships is not there, or was altered.
    """
    call_command("migrate", verbosity=0, interactive=False)
    for folder, name in SHIPPED_MODELS.items():
        _register_shipped(folder, name)


def _register_shipped(folder: str, name: str) -> None:
    """Make a shipped model the champion, unless the operator chose another one."""
    from apps.registry.models import ModelVersion

    sums = settings.CHECKPOINTS / folder / "SHA256SUMS"
    if not sums.exists():
        raise CommandError(f"There is no model in {sums.parent}; `make train-risk` makes one")
    digest = sha256(sums.read_bytes()).hexdigest()
    champion = ModelVersion.objects.filter(name=name, alias=ModelVersion.Alias.CHAMPION).first()
    if champion is None or (champion.path == folder and champion.digest != digest):
        options = {"name": name, "model_version": digest[:12], "alias": ModelVersion.Alias.CHAMPION.value}
        call_command("register_model", sums.parent, **options, stdout=StringIO())


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Where the processes listen; health and metrics of worker and gRPC have ports of their own."""

    web: int
    worker: int
    grpc: int
    grpc_probe: int

    @classmethod
    def named(cls) -> "Ports":
        """Those that the environment names, or the defaults, free at this moment.

        Raises:
            PortTakenError: somebody listens at one of them.
        """
        return cls._found(_port)

    @classmethod
    def free(cls) -> "Ports":
        """Like `named`, but any free one where a default is taken and its variable is not set."""
        return cls._found(_free_port)

    @classmethod
    def _found(cls, find: Callable[[str, int], int]) -> "Ports":
        web, worker, grpc, grpc_probe = (find(name, default) for name, default in PORTS.items())
        return cls(web=web, worker=worker, grpc=grpc, grpc_probe=grpc_probe)

    def environment(self) -> dict[str, str]:
        """The variables that tell the processes."""
        numbers = (self.web, self.worker, self.grpc, self.grpc_probe)
        return {name: str(number) for name, number in zip(PORTS, numbers, strict=True)}


def supervisor(ports: Ports) -> Supervisor:
    """Assay's processes, not started yet, with the servers' addresses in their environment."""
    return Supervisor(_services(ports), environment=_environment(ports), folder=ROOT, logs=settings.STATE_DIR / "log")


def engine_threads() -> int:
    """Threads of the engine where everything shares one machine: one core fewer than there are, unless it is said.

    Threads that compute together wait for each other awake. Where PostgreSQL or a web process has one's core, the
    other burns its own meanwhile: on 2 busy cores a batch went 10 times as fast with 1 thread as with 2, and a call
    took 20 ms of the worker's processor time instead of 316 (2026-11-25).
    """
    return int(env.int("ASSAY_ENGINE_THREADS", default=max(1, len(os.sched_getaffinity(0)) - 1)))


def web_command(*, port: int, application: str = "settings.wsgi:application") -> list[str]:
    """How one web process is run: threads to spare for refusing, and bounds on what a connection may hold."""
    granian = [str(Path(sys.executable).parent / "granian"), "--interface", "wsgi", "--no-ws", "--workers", "1"]
    granian += ["--host", HOST, "--port", str(port), "--log-level", "warning"]
    granian += ["--blocking-threads", str(settings.WEB_IN_FLIGHT + settings.WEB_STREAMS + SPARE_THREADS)]
    granian += ["--backlog", str(CONNECTIONS), "--backpressure", str(CONNECTIONS)]
    granian += ["--http1-buffer-size", str(HEADER_BYTES), "--http1-header-read-timeout", str(HEADER_READ_MS)]
    return [*granian, application]


def _services(ports: Ports) -> list[Service]:
    programs = Path(sys.executable).parent
    serves, works = _role(roles.APP), _role(roles.WORKER)
    worker = [str(programs / "celery"), "-A", "settings.celery", "worker", "-Q", "inference", "-n", "inference@%h"]
    worker += ["--pool", "threads", "--concurrency", str(SCORING_CONCURRENCY), "--loglevel", "WARNING"]
    worker += ["--disable-prefetch", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    default = [str(programs / "celery"), "-A", "settings.celery", "worker", "-Q", "default", "-n", "default@%h"]
    default += ["--pool", "threads", "--concurrency", str(DEFAULT_CONCURRENCY), "--loglevel", "WARNING"]
    default += ["--disable-prefetch", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    manage = [sys.executable, str(ROOT / "manage.py")]
    return [
        Service(name="reconciler", command=[*manage, "reconcile"], environment=works),
        Service(name="default", command=default, stop_timeout_s=25.0, environment=works),
        Service(name="inference", command=worker, ready_port=ports.worker, stop_timeout_s=20.0, environment=works),
        Service(
            name="grpc",
            command=[*manage, "grpc"],
            ready_port=ports.grpc_probe,
            stop_timeout_s=20.0,
            environment=serves,
        ),
        Service(name="web", command=web_command(port=ports.web), ready_port=ports.web, environment=serves),
    ]


def _role(role: str) -> Mapping[str, str]:
    """What makes a process connect as a role that row-level security binds."""
    return {"DATABASE_URL": roles.database_url(settings.DATABASE_URL, role)}


def _environment(ports: Ports) -> Mapping[str, str]:
    return {
        **os.environ,
        "DATABASE_URL": settings.DATABASE_URL,
        "REDIS_URL": settings.REDIS_URL,
        "ASSAY_STATE_DIR": str(settings.STATE_DIR),
        **ports.environment(),
        "ASSAY_ENGINE_THREADS": str(engine_threads()),
        "PYTHONUNBUFFERED": "1",
    }


def _port(name: str, default: int) -> int:
    number = int(env.int(name, default=default))
    if not _is_free(number):
        raise PortTakenError(f"Port {number} is in use; name another in {name}")
    return number


def _free_port(name: str, default: int) -> int:
    if env.str(name, default=None) or _is_free(default):
        return _port(name, default)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(number: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except OSError:
            return False
        return True
