"""An installation of its own for a benchmark: everything embedded, in a folder below var/, and its processes' costs.

Made before Django's settings are read, since they name the servers of the folder.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from settings.supervisor import Supervisor

FOLDER = Path(__file__).parent.parent.parent / "var" / "bench-rest"
READY_S = 180.0
UNLIMITED = 10_000_000  # calls a minute; the default of 6,000 is below what is to be measured
OTHERS = {"postgres": "PostgreSQL", "redis-server": "Redis", "valkey-server": "Redis"}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A running installation with one caller that may send as much as it likes."""

    family: "Supervisor"
    port: int
    key: str

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    def cpu_s(self) -> dict[str, float]:
        """Processor seconds that each service, and what is embedded, has used so far."""
        used = {name: _tree_s(psutil.Process(pid)) for name, pid in self.family.pids().items()}
        for process in psutil.process_iter(["name", "cmdline"]):
            title = OTHERS.get(process.info["name"] or "")
            if title and str(FOLDER) in " ".join(process.info["cmdline"] or ()):
                used[title] = used.get(title, 0.0) + _tree_s(process)
        return used


@contextmanager
def running() -> Iterator[Site]:
    """Start everything, and stop it when the block is left.

    Raises:
        NotReadyError: a process did not become ready; its log is in the folder.
    """
    os.environ["ASSAY_STATE_DIR"] = str(FOLDER)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings.local")
    import django

    django.setup()
    from settings import stack

    ports = stack.Ports.free()
    stack.prepare()
    key = _key()
    family = stack.supervisor(ports)
    try:
        family.start()
        family.wait_until_ready(timeout_s=READY_S, on_ready=lambda _name: None)
        yield Site(family=family, port=ports.web, key=key)
    finally:
        family.stop()


def _key() -> str:
    from apps.api.limits.policies import Kind
    from apps.tenants.models import ApiClient, Institution
    from apps.tenants.services import create_client, create_institution

    now = datetime.now(UTC)
    institution = create_institution(
        name=f"Bench {now:%m%d%H%M%S}", kind=Institution.Kind.BANK.value, actor="command:benchmarks.load", now=now
    )
    institution.limits = {kind: UNLIMITED for kind in Kind if kind is not Kind.SIGN_IN}
    institution.save(update_fields=["limits"])
    client, key = create_client(
        institution=institution, name="bench", mode=ApiClient.Mode.TEST.value, now=now, actor="command:benchmarks.load"
    )
    client.limits = dict(institution.limits)
    client.save(update_fields=["limits"])
    return key


def _tree_s(process: psutil.Process) -> float:
    """Processor seconds of a process, its children, and those of its children that ended."""
    try:
        family = [process, *process.children(recursive=True)]
        return sum(sum(one.cpu_times()[:4]) for one in family)
    except psutil.NoSuchProcess:
        return 0.0
