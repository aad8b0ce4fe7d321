"""A worker's engine for processes that are to be killed: answers at once, without torch, so that they start soon."""

from collections.abc import Sequence

from apps.jobs import runtime
from apps.registry.models import ModelVersion
from inference.api import ModelRef, Precision
from tests.engines import ScriptedEngine


def start(versions: Sequence[ModelVersion], *, pool: str, delay_s: float) -> runtime.Runtime:
    """Install a scripted engine that serves the registered versions, as `runtime.start` installs the real one."""
    served = {
        version.name: runtime.ServedModel(
            version=version.version,
            ref=ModelRef(name=version.name, digest=version.digest, precision=Precision.INT8, kernels="scripted"),
            window=512,
            card=version.card,
        )
        for version in versions
    }
    engine = ScriptedEngine(delay_s=delay_s, model=served["risk"].ref)
    running = runtime.Runtime(engine, served)
    runtime.install(running)
    return running
