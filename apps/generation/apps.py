from typing import TYPE_CHECKING

from django.apps import AppConfig
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.rpc.methods import Method

LEASE_S = 20.0  # as an assessment's; a text that grows is held on to


class GenerationConfig(AppConfig):
    """Text that a model writes: asked for over gRPC or an OpenAI-compatible endpoint, done as durable jobs."""

    name = "apps.generation"
    label = "generation"

    def ready(self) -> None:
        """Say how a text is written, over which door it is asked for, and how long it is kept."""
        from apps.generation import retention, services
        from apps.jobs.kinds import JobKind, register
        from apps.retention.classes import register as register_class
        from apps.rpc import methods as rpc

        register(
            JobKind(
                name=services.JOB_KIND,
                task_name="generation.write",
                queue="inference",
                lease_s=LEASE_S,
                open_bound=settings.QUEUE_BOUND,
            )
        )
        register_class(retention.TEXTS)
        rpc.register("generation", _rpc_methods)


def _rpc_methods() -> "Iterable[Method]":
    from apps.generation.rpc.inference import methods

    return methods()
