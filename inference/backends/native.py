"""The engine of our own as a backend."""

from collections.abc import Callable, Sequence

from inference.api import Precision
from inference.backends.base import Ability, Served
from inference.checkpoints import LoadedModel
from inference.config import EngineConfig
from inference.distributed import Crew
from inference.engine import EngineCore
from inference.metrics import EngineObserver

ALWAYS = frozenset({Ability.SCORE, Ability.GENERATE, Ability.STREAM, Ability.SALT, Ability.PURGE, Ability.PRIORITY})


class NativeBackend(EngineCore):
    """`EngineCore`, and what it can do with each of its checkpoints."""

    name = "native"

    def __init__(
        self,
        models: Sequence[LoadedModel],
        config: EngineConfig,
        *,
        on_stall: Callable[[], None] | None = None,
        observer: EngineObserver | None = None,
        crew: Crew | None = None,
    ) -> None:
        super().__init__(models, config, on_stall=on_stall, observer=observer)
        self._models = {model.name: model for model in models}
        self._device = config.device
        self._crew = crew

    def stop(self) -> None:
        """See `Backend.stop`; followers end too."""
        super().stop()
        if self._crew is not None:
            self._crew.end()

    def served(self, model: str) -> Served:
        """See `Backend.served`."""
        loaded = self._models[model]
        return Served(ref=loaded.ref, window=loaded.window)

    def abilities(self, model: str) -> frozenset[Ability]:
        """See `Backend.abilities`."""
        loaded = self._models[model]
        exact = self._device == "cpu" and loaded.ref.precision is Precision.INT8
        extra = {Ability.EVENTS: loaded.schema is not None, Ability.REPRODUCIBLE: exact}
        return ALWAYS | {ability for ability, holds in extra.items() if holds}
