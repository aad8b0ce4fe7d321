import os
from functools import partial

from django.apps import AppConfig


class ChaosConfig(AppConfig):
    """Work whose effects can be counted, an engine that starts at once, and defences that can be taken away."""

    name = "tests.chaos"
    label = "chaos"

    def ready(self) -> None:
        """Make the kinds known; take the real engine's place, and a defence away, where the environment says so."""
        from apps.jobs import kinds, runtime
        from apps.tenants import walls
        from tests.chaos import defences, engines, work
        from tests.chaos.overload import lane

        for model in ("chaos.Effect", "chaos.Rejection", "chaos.Completion"):  # of no institution; workers write them
            walls.DECLARED[model] = walls.Wall(app=walls.CLOSED, worker=walls.appending(walls.ANY))
        for kind in work.KINDS:
            kinds.register(kind)
        if delay_s := os.environ.get("CHAOS_ENGINE_S"):
            runtime.start = partial(engines.start, delay_s=float(delay_s))
        if "LANE_MS" in os.environ:
            lane.install()
        for name in os.environ.get("CHAOS_WITHOUT", "").split():
            defences.TAKEN_AWAY[name]()
