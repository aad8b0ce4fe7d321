"""Followers on this machine, started by the process that leads them."""

import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

from torch._C._distributed_c10d import FileStore

from inference.config import EngineConfig
from inference.distributed.leader import Leader
from inference.distributed.links import Links, Place

ENDING_S = 10.0


class Crew:
    """An engine's followers, one process each, and their leader here.

    They meet in a folder that only this user can enter and talk over the loopback interface. A follower that loses
    its leader ends by itself.
    """

    def __init__(self, config: EngineConfig, *, on_lost: Callable[[], None]) -> None:
        """Start the followers and meet them.

        ``on_lost`` is called once when one of them ends before `end`; it must not return to work.

        Raises:
            TeamLost: they did not come.
        """
        self._folder = tempfile.TemporaryDirectory(prefix="assay-engine-")
        meeting = Path(self._folder.name) / "meeting"
        self._on_lost = on_lost
        self._ending = threading.Event()
        ranks = range(1, config.parallel.world)
        self.processes = [subprocess.Popen(_command(rank, config, meeting)) for rank in ranks]
        store = FileStore(str(meeting), config.parallel.world)
        try:
            links = Links(Place(rank=0, parallel=config.parallel), store, timeout_s=config.stall_timeout_s)
        except BaseException:
            self.end()
            raise
        self.leader = Leader(links)
        for process in self.processes:
            threading.Thread(target=self._watch, args=(process,), name="follower-watch", daemon=True).start()

    def end(self) -> None:
        """End the followers; safe to repeat."""
        if self._ending.is_set():
            return
        self._ending.set()
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(ENDING_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._folder.cleanup()

    def _watch(self, process: "subprocess.Popen[bytes]") -> None:
        process.wait()
        if not self._ending.is_set():
            self._on_lost()


def _command(rank: int, config: EngineConfig, meeting: Path) -> list[str]:
    settings = {
        "rank": rank,
        "tensor": config.parallel.tensor,
        "pipeline": config.parallel.pipeline,
        "threads": config.threads,
        "device": config.device,
        "timeout-s": config.stall_timeout_s,
        "meeting": meeting,
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    return [sys.executable, "-m", "inference.distributed", *options]
