"""Our side of the pipe: a process that stands still, by SIGSTOP, except while it is asked.

No thread of another entrant can then spin, wake up or wait for memory while one is timed.
"""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from benchmarks.peers.work import Answers, Batch, Task

ROOT = Path(__file__).parent.parent.parent


class EntrantError(RuntimeError):
    """An entrant failed; the message is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """Answers, the seconds they took inside the entrant's process, and its largest resident size so far."""

    answers: Answers
    seconds: float
    peak_mb: int


class Handle:
    """One entrant's process. A context manager; outside of a call the process is stopped."""

    def __init__(self, *, name: str, python: Path | str, entry: str, model: Path, threads: int, log: Path) -> None:
        self.name = name
        log.parent.mkdir(parents=True, exist_ok=True)
        self._log = log.open("w", encoding="utf-8")
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.peers.serve", entry, str(model), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            cwd=ROOT,
            env=os.environ
            | {"OMP_NUM_THREADS": str(threads), "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"},
        )
        self._read()
        self._stop()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def settings(self, task: Task) -> list[str]:
        """The settings it offers for a task."""
        with self._awake():
            found: list[str] = self._ask({"do": "settings", "task": task})["settings"]
            return found

    def use(self, setting: str) -> None:
        """Have it take a setting. Raises EntrantError if it cannot."""
        with self._awake():
            self._ask({"do": "use", "setting": setting})

    def run(self, batch: Batch, *, warm_up: Batch | None = None) -> Timed:
        """Have a batch answered, after another one that is not timed.

        Raises:
            EntrantError: it failed.
        """
        with self._awake():
            if warm_up is not None:
                self._ask({"do": "run", "batch": asdict(warm_up)})
            reply = self._ask({"do": "run", "batch": asdict(batch)})
        return Timed(answers=Answers(**reply["answers"]), seconds=reply["seconds"], peak_mb=reply["peak_mb"])

    def close(self) -> None:
        """End the process."""
        self._process.kill()  # also ends a stopped one
        self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    @contextmanager
    def _awake(self) -> Iterator[None]:
        self._process.send_signal(signal.SIGCONT)
        try:
            yield
        finally:
            self._stop()

    def _stop(self) -> None:
        """Returns when every thread stands still, or the process has ended."""
        self._process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self._process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise EntrantError(f"{self.name} ended; see {self._log.name}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise EntrantError(f"{self.name}: {reply['error']}")
        return reply
