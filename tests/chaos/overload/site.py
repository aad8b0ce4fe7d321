"""An installation under load: web process, worker and reconciler as they really run, and programs that send."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx

from settings import roles, stack
from settings.env import ROOT
from tests.chaos.test_kills import free_port
from tests.chaos.world import MANAGE, World, wait_for

SCORED = """
    SELECT count(*) FROM jobs_job
    WHERE status = 'succeeded' AND finished_at BETWEEN to_timestamp({}) AND to_timestamp({})
"""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one program that sent was told."""

    due_at: float
    ms: float
    status: int
    retry_after: bool
    scored: bool


class Site:
    """Servers, processes and callers of one experiment."""

    def __init__(self, world: World, *, lane_ms: float) -> None:
        """Start everything; each inference takes ``lane_ms``, one after the other."""
        self.world = world
        self.port = int(free_port())
        self.starts = world.state / "starts"
        works = {"DATABASE_URL": roles.as_user(world.database_url, roles.WORKER)}
        world.reconciler(**works)
        options = {"LANE_MS": str(lane_ms), "LANE_STARTS": str(self.starts), "ASSAY_WORKER_PORT": free_port()}
        world.worker(queue="inference", **works, **options)

    def serve(self, *, without: str = "") -> "subprocess.Popen[bytes]":
        """Start the web process and wait until it is ready; see tests/chaos/defences.py for what it can do without."""
        serves = {"DATABASE_URL": roles.as_user(self.world.database_url, roles.APP), "CHAOS_WITHOUT": without}
        web = self.world.start("web", stack.web_command(port=self.port), **serves)
        wait_for(self._is_ready, timeout_s=30, what="the web process is ready")
        return web

    def key_of(self, name: str) -> str:
        """An institution's key."""
        self._manage("create_institution", name, "--kind", "bank")
        return self._manage("create_api_client", name, "core banking", "--mode", "live").strip()

    def send(self, key: str, name: str, *, seconds: float, **options: object) -> "subprocess.Popen[bytes]":
        """Start a program that sends; see tests/chaos/overload/load.py for its options."""
        command = [sys.executable, "-m", "tests.chaos.overload.load", "--port", str(self.port), "--key", key]
        command += ["--name", name, "--seconds", str(seconds)]
        for option, value in options.items():
            command += [f"--{option.replace('_', '-')}", *str(value).split()]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)

    def scored(self, begin: float, end: float) -> int:
        """Jobs the model answered between two moments."""
        return self.world.ask(SCORED.format(begin, end))

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz", timeout=1.0).status_code == 200
        except httpx.HTTPError:
            return False

    def _manage(self, *arguments: str) -> str:
        done = subprocess.run(
            [*MANAGE, *arguments], env=self.world.environment, cwd=ROOT, check=True, capture_output=True, text=True
        )
        return done.stdout


def told(process: "subprocess.Popen[bytes]") -> list[Told]:
    """What a program that sent was told, once it has ended."""
    output, _ = process.communicate(timeout=300)
    return [Told(**one) for one in json.loads(output)]


def percentile(values: list[float], share: float) -> float:
    """The value that ``share`` of the values do not exceed; 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


def resident_mb(pid: int) -> float:
    """Memory of a process and its children."""
    pids = [pid, *[int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]]
    pages = [int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in pids]
    return sum(pages) * 4096 / 2**20
