"""Runs one server for as long as any process uses it, then stops it.

Started by path, without Assay on its path: ``python -I keeper.py --help``. Every process that
uses the server holds a shared lock on one file. The kernel drops that lock when the process
ends, however it ends, so the keeper needs no list of processes and no polling: it waits for the
exclusive lock. The server dies with its keeper, so neither can be left behind alone.
"""

import argparse
import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

PR_SET_PDEATHSIG = 1  # linux/prctl.h
SHORT_LIFE_S = 5.0  # a server that ends sooner than this counts as a failed start
FAILED_STARTS = 8  # waits 7 s in all: the processes of a killed server take a moment to end
LONGEST_PAUSE_S = 2.0  # of a server that has run before: it may be struck down often, and is never given up
STOP_TIMEOUT_S = 20.0


class Keeper:
    """One server: started again when it dies, stopped when nobody uses it any more."""

    def __init__(self, command: list[str], *, users: Path, stop_signal: signal.Signals, uid: int, gid: int) -> None:
        self._command = command
        self._users = users
        self._stop_signal = stop_signal
        self._uid, self._gid = uid, gid
        self._stopping = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Keep the server until it is unused. Returns 0, or 1 if it would not stay up."""
        signal.signal(signal.SIGTERM, self._stop)
        threading.Thread(target=self._wait_for_last_user, daemon=True).start()
        failures, has_run = 0, False
        while not self._stopping.is_set() and (has_run or failures < FAILED_STARTS):
            started = time.monotonic()
            self._run_once()
            short = time.monotonic() - started < SHORT_LIFE_S
            failures, has_run = failures + 1 if short else 0, has_run or not short
            self._stopping.wait(min(0.25 * failures, LONGEST_PAUSE_S))
        return 0 if self._stopping.is_set() else 1

    def _run_once(self) -> None:
        as_root = os.geteuid() == 0
        self._child = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent(self._stop_signal),  # noqa: PLW1509 - the other thread only waits for a lock
            user=self._uid if as_root else None,
            group=self._gid if as_root else None,
            extra_groups=[] if as_root else None,
        )
        if self._stopping.is_set():
            self._child.send_signal(self._stop_signal)
        self._child.wait()

    def _wait_for_last_user(self) -> None:
        with self._users.open("rb") as users:
            fcntl.flock(users, fcntl.LOCK_EX)
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)  # interrupts its wait
            time.sleep(STOP_TIMEOUT_S)
            if self._child is not None:
                self._child.kill()
            threading.Event().wait()  # keeps the lock until the process ends

    def _stop(self, _signal: int, _frame: FrameType | None) -> None:
        self._stopping.set()
        if self._child is not None and self._child.returncode is None:
            self._child.send_signal(self._stop_signal)


def die_with_parent(stop_signal: signal.Signals) -> Callable[[], None]:
    """What a child runs before its program, to be told when its parent dies.

    Only Linux can tell; elsewhere the returned function does nothing.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    parent = os.getpid()

    def before_exec() -> None:
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, int(stop_signal))
            if os.getppid() != parent:  # it died in between
                os.kill(os.getpid(), stop_signal)

    return before_exec


def main() -> int:
    """Parse the command line and keep the server. A second keeper of the same server ends at once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=Path, required=True, help="file every user holds a shared lock on")
    parser.add_argument("--keeper", type=Path, required=True, help="file the keeper itself locks")
    parser.add_argument("--stop-signal", default="SIGTERM")
    parser.add_argument("--uid", type=int, default=os.getuid())
    parser.add_argument("--gid", type=int, default=os.getgid())
    parser.add_argument("command", nargs="+")
    arguments = parser.parse_args()
    with arguments.keeper.open("rb") as only_one:
        try:
            fcntl.flock(only_one, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return 0
        stop_signal = signal.Signals[arguments.stop_signal]
        keeper = Keeper(
            arguments.command, users=arguments.users, stop_signal=stop_signal, uid=arguments.uid, gid=arguments.gid
        )
        return keeper.run()


if __name__ == "__main__":
    sys.exit(main())
