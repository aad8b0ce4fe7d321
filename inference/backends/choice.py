"""One setting chooses what computes; free of torch until it is known."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from inference.api import Precision
from inference.backends.base import Ability, Backend, BackendRefused, require
from inference.config import EngineConfig

if TYPE_CHECKING:
    from inference.backends.vllm_http import VllmConfig
    from inference.checkpoints import LoadedModel
    from inference.metrics import EngineObserver

GOODBYE_S = 2.0  # for those whose requests failed to hand their jobs back before the process ends


class BackendKind(StrEnum):
    """What may be chosen."""

    NATIVE = "native"
    OPENVINO = "openvino"
    VLLM = "vllm"

    @classmethod
    def named(cls, name: str) -> "BackendKind":
        """The backend of that name. Raises BackendRefused if there is none."""
        if name not in list(cls):
            raise BackendRefused(f"there is no backend {name!r}: set ASSAY_ENGINE_BACKEND to one of {', '.join(cls)}")
        return cls(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A checkpoint to be served.

    Attributes:
        digest: that its folder must have; a vLLM server's folder is its operator's affair.
        needs: abilities that whoever asks it counts on.
    """

    name: str
    path: Path
    digest: str
    precision: Precision
    needs: frozenset[Ability]


@dataclass(frozen=True, slots=True, kw_only=True)
class VllmServer:
    """Where a fleet's vLLM server is; see `inference.backends.vllm_http.VllmConfig`."""

    url: str
    key: str = ""
    ca_file: str = ""


def open_backend(
    kind: BackendKind,
    wanted: Sequence[Wanted],
    config: EngineConfig,
    *,
    server: VllmServer | None = None,
    on_stall: Callable[[], None] | None = None,
    observer: "EngineObserver | None" = None,
) -> Backend:
    """Load what is wanted, start to serve it, and make sure that it can do what it is needed for.

    Raises:
        BackendRefused: it cannot, is not installed, or is not where it was said to be.
        CheckpointRefused: a checkpoint is not the one that was registered, or unsafe.
    """
    if kind is not BackendKind.NATIVE and config.parallel.world > 1:
        raise BackendRefused(f"the backend {kind} is not divided by Assay; leave the parallel sizes at 1")
    if config.device != "cpu" and config.parallel.world > 1:
        raise BackendRefused("a model is divided among processes on a CPU only; leave the parallel sizes at 1")
    if kind is BackendKind.NATIVE:
        backend = _native(wanted, config, on_stall, observer)
    elif kind is BackendKind.OPENVINO:
        backend = _openvino(wanted, config, observer)
    else:
        backend = _vllm(wanted, config, server, observer)
    try:
        backend.start()
        for one in wanted:
            require(backend, one.name, one.needs)
    except BaseException:
        backend.stop()
        raise
    return backend


def _native(
    wanted: Sequence[Wanted],
    config: EngineConfig,
    on_stall: Callable[[], None] | None,
    observer: "EngineObserver | None",
) -> Backend:
    from inference.backends.native import NativeBackend
    from inference.checkpoints import load_checkpoint

    if config.parallel.world == 1:
        return NativeBackend(_load(load_checkpoint, wanted, config), config, on_stall=on_stall, observer=observer)
    from inference.distributed import Crew
    from inference.team import TeamLost

    def goodbye() -> None:
        time.sleep(GOODBYE_S)
        if on_stall is not None:
            on_stall()

    try:
        crew = Crew(config, on_lost=goodbye)
    except TeamLost as error:
        raise BackendRefused("the engine's other processes did not come; see what they said") from error
    try:
        models = _load(crew.leader.load, wanted, config)
        return NativeBackend(models, config, on_stall=goodbye, observer=observer, crew=crew)
    except BaseException as error:
        crew.end()
        if isinstance(error, TeamLost):
            raise BackendRefused("the engine's other processes could not load; see what they said") from error
        raise


def _load(load: "Callable[..., LoadedModel]", wanted: Sequence[Wanted], config: EngineConfig) -> "list[LoadedModel]":
    return [
        load(one.path, name=one.name, config=replace(config, precision=one.precision), expected_digest=one.digest)
        for one in wanted
    ]


def _openvino(wanted: Sequence[Wanted], config: EngineConfig, observer: "EngineObserver | None") -> Backend:
    from inference.backends.openvino import OpenVinoBackend, load_compiled

    models = [
        load_compiled(
            one.path, name=one.name, config=replace(config, precision=one.precision), expected_digest=one.digest
        )
        for one in wanted
    ]
    return OpenVinoBackend(models, config, observer=observer)


def _vllm(
    wanted: Sequence[Wanted],
    config: EngineConfig,
    server: VllmServer | None,
    observer: "EngineObserver | None",
) -> Backend:
    from inference.backends.vllm_http import VllmBackend

    return VllmBackend(_vllm_config(wanted, config, server), observer=observer)


def _vllm_config(wanted: Sequence[Wanted], config: EngineConfig, server: VllmServer | None) -> "VllmConfig":
    from inference.backends.vllm_http import VllmConfig

    if server is None or not server.url:
        raise BackendRefused("the backend vllm needs the address of a server: set ASSAY_VLLM_URL")
    return VllmConfig(
        url=server.url,
        key=server.key,
        ca_file=server.ca_file,
        models=tuple(one.name for one in wanted),
        salt_key=config.salt_key,
        max_queue=config.max_queue,
    )
