"""The inference worker's engine: one per process, loaded with every champion before the first task runs.

The only module outside ``inference`` that opens the engine, and only when a worker starts: importing it
loads no torch.
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import structlog
from django.conf import settings
from prometheus_client import REGISTRY

from apps.registry.models import ModelVersion
from apps.registry.services import WRITES
from inference.api import Engine, ModelRef, Precision, UnknownModel
from inference.backends.base import Ability, Backend
from inference.backends.choice import BackendKind, VllmServer, Wanted, open_backend
from inference.config import EngineConfig, Parallel

logger = structlog.get_logger(__name__)

STALLED = 70  # exit status of a worker whose engine hangs; its leases expire and others take the jobs
THREAD_POOLS = frozenset({"threads", "solo"})


class Wording(Protocol):
    """How a checkpoint wants to be spoken to; see `inference.wording`."""

    def text(self, text: str) -> tuple[int, ...]:
        """Tokens of a text as it is."""

    def conversation(self, messages: Sequence[dict[str, str]]) -> tuple[int, ...]:
        """Tokens of a conversation, up to where the assistant is to go on."""


class NotAWorkerError(RuntimeError):
    """This process has no engine: only ``celery worker -Q inference --pool threads`` has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    """A champion as this process serves it.

    Attributes:
        card: what was registered with it, ``calibration`` among it.
        wording: None for a checkpoint without a tokenizer.
    """

    version: str
    ref: ModelRef
    window: int
    card: dict[str, Any]
    wording: Wording | None = None


class Runtime:
    """An engine and what it serves."""

    def __init__(self, engine: Engine, served: dict[str, ServedModel]) -> None:
        self.engine = engine
        self.served = served
        self._draining = threading.Event()

    @property
    def ready(self) -> bool:
        """Whether new work is welcome."""
        return not self._draining.is_set()

    def drain(self, *, timeout_s: float) -> None:
        """Refuse new requests and finish those in flight, in a thread of its own."""
        self._draining.set()
        threading.Thread(target=self.engine.drain, kwargs={"timeout_s": timeout_s}, daemon=True).start()


_runtime: Runtime | None = None
_needs: dict[str, frozenset[Ability]] = {}


def engine() -> Engine:
    """This process's engine. Raises NotAWorkerError."""
    return current().engine


def champion(name: str) -> ServedModel:
    """What this process serves under a name.

    Raises:
        NotAWorkerError: this process has no engine.
        KeyError: no champion of that name was registered when the process started.
    """
    return current().served[name]


def wording(name: str) -> Wording:
    """How a champion wants to be spoken to.

    Raises:
        NotAWorkerError: this process has no engine.
        UnknownModel: it serves no champion of that name that has a tokenizer.
    """
    served = current().served.get(name)
    if served is None or served.wording is None:
        raise UnknownModel(name)
    return served.wording


def current() -> Runtime:
    """This process's runtime. Raises NotAWorkerError."""
    if _runtime is None:
        raise NotAWorkerError("only an inference worker has an engine; see settings/celery.py for how to start one")
    return _runtime


def install(runtime: Runtime | None) -> None:
    """Make an engine this process's own; tests install a scripted one."""
    global _runtime
    _runtime = runtime


def start(versions: Sequence[ModelVersion], *, pool: str) -> Runtime:
    """Load the champions and start the engine, or whatever the settings choose in its place.

    Raises:
        NotAWorkerError: the pool forks, so that tasks would run where the engine is not.
        CheckpointRefused: a checkpoint is not the one that was registered, or unsafe.
        BackendRefused: the chosen backend cannot do what a model is needed for.
    """
    if pool not in THREAD_POOLS:
        raise NotAWorkerError(
            f"an inference worker needs --pool threads, not {pool}: an engine does not survive a fork"
        )
    backend = _open(versions, on_stall=die)
    runtime = Runtime(backend, {version.name: _served(version, backend) for version in versions})
    install(runtime)
    return runtime


def requires(model: str, abilities: frozenset[Ability]) -> None:
    """Let no worker start whose backend cannot do this with a model; said once, where the model is asked."""
    _needs[model] = abilities


def needs(model: str, card: Mapping[str, Any]) -> frozenset[Ability]:
    """What `requires` said of a model, and what follows from its card: one that speaks in words generates."""
    speaks = frozenset({Ability.GENERATE}) if card.get(WRITES) else frozenset[Ability]()
    return _needs.get(model, frozenset()) | speaks


def _open(versions: Sequence[ModelVersion], *, on_stall: Callable[[], None]) -> Backend:
    from inference.metrics.fan import all_metrics

    config = _config()
    wanted = [
        Wanted(
            name=version.name,
            path=settings.CHECKPOINTS / version.path,
            digest=version.digest,
            precision=Precision(settings.ENGINE_PRECISION or version.precision),
            needs=needs(version.name, version.card),
        )
        for version in versions
    ]
    return open_backend(
        BackendKind.named(settings.ENGINE_BACKEND),
        wanted,
        config,
        server=VllmServer(url=settings.VLLM_URL, key=settings.VLLM_KEY, ca_file=settings.VLLM_CA_FILE),
        on_stall=on_stall,
        observer=all_metrics(REGISTRY, device=config.device),
    )


def _served(version: ModelVersion, backend: Backend) -> ServedModel:
    model = backend.served(version.name)
    return ServedModel(
        version=version.version,
        ref=model.ref,
        window=model.window,
        card=version.card,
        wording=_wording(settings.CHECKPOINTS / version.path),
    )


def _wording(folder: Path) -> Wording | None:
    from inference.sealed import SealedFolder
    from inference.tokenizer import Tokenizer
    from inference.wording import read_wording

    sealed = SealedFolder(folder)
    if "tokenizer.json" not in sealed.names:
        return None
    return read_wording(sealed, Tokenizer(sealed.read("tokenizer.json")))


def _config() -> EngineConfig:
    return EngineConfig(
        device=settings.ENGINE_DEVICE,
        threads=settings.ENGINE_THREADS,
        memory_mb=settings.ENGINE_MEMORY_MB,
        sparse=settings.ENGINE_SPARSE,
        native=settings.ENGINE_NATIVE,
        native_dir=settings.ENGINE_NATIVE_DIR,
        salt_key=settings.ENGINE_SALT_KEY.encode(),
        parallel=Parallel(tensor=settings.ENGINE_TENSOR_PARALLEL, pipeline=settings.ENGINE_PIPELINE_PARALLEL),
        zeroes_freed=settings.ENGINE_ZEROES_FREED,
        idle_ttl_s=settings.ENGINE_IDLE_TTL_S,
    )


def die() -> None:
    """End the process without a word to anybody: threads that hang cannot be stopped in any gentler way."""
    logger.critical("engine_stalled")
    os._exit(STALLED)
