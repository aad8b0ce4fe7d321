"""The backends that the conformance suite holds to what they declare."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from inference.api import GenerateRequest, Position, Precision
from inference.backends.base import Ability, Backend
from inference.backends.native import NativeBackend
from inference.backends.openvino import CompiledModel, OpenVinoBackend
from inference.backends.vllm_http import VllmBackend, VllmConfig
from inference.checkpoints import LoadedModel
from tests.checkpoints import config
from tests.inference.backends.vllm_server import VllmServer, listening
from tests.inference.engine.requests import lane_of

WRITES = {Ability.GENERATE, Ability.STREAM}
OWN = {Ability.SCORE, Ability.EVENTS, Ability.SALT, Ability.PURGE, Ability.PRIORITY} | WRITES
DECLARED: dict[str, set[Ability]] = {
    "native": OWN,
    "native-int8": OWN | {Ability.REPRODUCIBLE},
    "openvino": {Ability.SCORE, Ability.EVENTS, Ability.SALT, Ability.PURGE},
    "vllm": {Ability.SCORE, Ability.SALT, Ability.PRIORITY} | WRITES,
}
TOLERANCE = {"native": 1e-5, "native-int8": 0.08, "openvino": 1e-5, "vllm": 1e-5}


def declaring(ability: Ability) -> list[str]:
    """Names of the backends that declare an ability."""
    return [name for name, abilities in DECLARED.items() if ability in abilities]


def lacking(ability: Ability) -> list[str]:
    """Names of the others."""
    return [name for name, abilities in DECLARED.items() if ability not in abilities]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A started backend that can be held in the middle of its work.

    Attributes:
        tolerance: of its probabilities against the plain model's.
        open: its work waits for it.
        inside: set when something waits.
    """

    backend: Backend
    tolerance: float
    open: threading.Event
    inside: threading.Event

    def hold(self) -> None:
        """Let whatever is asked next wait."""
        self.open.clear()


@contextmanager
def running(name: str, backend: Backend, opened: threading.Event, inside: threading.Event) -> Iterator[Case]:
    """A case, started and ended."""
    backend.start()
    try:
        yield Case(backend=backend, tolerance=TOLERANCE[name], open=opened, inside=inside)
    finally:
        opened.set()
        backend.stop()


@contextmanager
def native(name: str, loaded: LoadedModel) -> Iterator[Case]:
    """The engine of our own."""
    opened, inside = _open()
    backend = NativeBackend([loaded], config(loaded.ref.precision, memory_mb=48))
    hook = lane_of(backend)._runner._embed.register_forward_pre_hook(lambda *_: _wait(opened, inside))
    try:
        with running(name, backend, opened, inside) as case:
            yield case
    finally:
        hook.remove()


@contextmanager
def openvino(name: str, compiled: CompiledModel) -> Iterator[Case]:
    """A compiled graph."""
    opened, inside = _open()

    def held(inputs: list[Any]) -> Any:
        _wait(opened, inside)
        return compiled._graph(inputs)

    backend = OpenVinoBackend([CompiledModel(compiled.loaded, held)], config(Precision.FP32))
    with running(name, backend, opened, inside) as case:
        yield case


@contextmanager
def vllm(name: str, loaded: LoadedModel) -> Iterator[Case]:
    """A server that answers as vLLM does."""
    told = VllmServer(loaded.model)
    with listening(told) as url:
        backend = VllmBackend(VllmConfig(url=url, models=("tiny",), salt_key=bytes(32), precision=Precision.FP32))
        with running(name, backend, told.open, told.inside) as case:
            yield case


def generation(record: Sequence[Position], **changes: Any) -> GenerateRequest:
    """A generation by the model "tiny"; of four tokens by default."""
    settings: dict[str, Any] = {"id": "g", "model": "tiny", "namespace": "bank", "max_tokens": 4}
    return GenerateRequest(record=tuple(record), **settings | changes)


def _open() -> tuple[threading.Event, threading.Event]:
    opened = threading.Event()
    opened.set()
    return opened, threading.Event()


def _wait(opened: threading.Event, inside: threading.Event) -> None:
    if not opened.is_set():
        inside.set()
        assert opened.wait(timeout=30)
