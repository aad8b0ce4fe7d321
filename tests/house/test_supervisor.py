"""The supervisor starts in order, restarts what dies, and leaves nothing behind."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from settings.env import ROOT
from settings.supervisor import NotReadyError, Service, Supervisor
from tests.house.processes import within

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")
STUBBORN = (sys.executable, "-c", "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)")
NOTING = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (print('{0}', time.time()), sys.exit()))"
SUPERVISED = """
import os, sys, time
from pathlib import Path
from settings.supervisor import Service, Supervisor
sleep = (sys.executable, "-c", "import time; time.sleep(600)")
here = {"environment": os.environ, "folder": Path("."), "logs": Path(sys.argv[1])}
family = Supervisor([Service(name="a", command=sleep)], **here)
family.start()
print(family.pids()["a"], flush=True)
time.sleep(600)
"""


@pytest.fixture
def families() -> Iterator[list[Supervisor]]:
    """Supervisors of one test, stopped at its end."""
    started: list[Supervisor] = []
    yield started
    for family in started:
        family.stop()


def family_of(families: list[Supervisor], logs: Path, *services: Service, **more: object) -> Supervisor:
    """A started supervisor of these services."""
    family = Supervisor(services, environment=os.environ, folder=ROOT, logs=logs, **more)  # type: ignore[arg-type]
    families.append(family)
    family.start()
    return family


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_a_dead_child_is_started_again(families, tmp_path):
    now = [0.0]
    family = family_of(families, tmp_path, Service(name="web", command=SLEEPER), clock=lambda: now[0])
    first = family.pids()["web"]

    psutil.Process(first).kill()
    assert within(5, lambda: not family.pids())

    assert family.restart_dead() == []
    now[0] = 0.6
    assert family.restart_dead() == ["web"]
    assert family.pids()["web"] != first


def test_a_child_that_keeps_dying_is_restarted_ever_more_slowly(families, tmp_path):
    now, restarts = [0.0], []
    family = family_of(families, tmp_path, Service(name="web", command=("false",)), clock=lambda: now[0])

    for _ in range(200):
        assert within(5, lambda: not family.pids())
        restarts += [now[0]] * len(family.restart_dead())
        now[0] += 0.5

    assert restarts == [0.5, 2.0, 4.5, 9.0, 17.5, 33.0, 48.5, 64.0, 79.5, 95.0]


def test_what_a_dead_child_left_behind_is_ended_before_its_restart(families, tmp_path):
    leave_one = "import subprocess, time; print(subprocess.Popen(['sleep', '600']).pid, flush=True); time.sleep(600)"
    family = family_of(families, tmp_path, Service(name="web", command=(sys.executable, "-c", leave_one)))
    assert within(10, lambda: family.log_of("web").read_text() != "")
    grandchild = psutil.Process(int(family.log_of("web").read_text()))

    psutil.Process(family.pids()["web"]).kill()
    assert within(5, lambda: not family.pids())
    family.restart_dead()

    assert within(5, lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


def test_children_stop_in_reverse_order(families, tmp_path):
    ready = "; print('ready', flush=True); time.sleep(600)"
    services = [
        Service(name=name, command=(sys.executable, "-c", NOTING.format(name) + ready)) for name in ("first", "second")
    ]
    family = family_of(families, tmp_path, *services)
    assert within(10, lambda: all("ready" in family.log_of(name).read_text() for name in ("first", "second")))

    family.stop()

    stopped = {name: float(family.log_of(name).read_text().split()[-1]) for name in ("first", "second")}
    assert stopped["second"] < stopped["first"]


def test_a_child_that_will_not_stop_is_killed(families, tmp_path):
    family = family_of(families, tmp_path, Service(name="web", command=STUBBORN, stop_timeout_s=0.3))
    pid = family.pids()["web"]
    time.sleep(0.5)

    family.stop()

    assert not psutil.pid_exists(pid)


def test_children_end_when_the_supervisor_is_killed(tmp_path):
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISED, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert supervisor.stdout is not None
    child = psutil.Process(int(supervisor.stdout.readline()))

    supervisor.kill()
    supervisor.wait()

    assert within(5, lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_readiness_is_waited_for(families, tmp_path):
    port = free_port()
    (tmp_path / "readyz").write_text("ok")
    command = (sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1", "--directory", str(tmp_path))
    family = family_of(families, tmp_path / "log", Service(name="web", command=command, ready_port=port))
    ready: list[str] = []

    family.wait_until_ready(timeout_s=20, on_ready=ready.append)

    assert ready == ["web"]


def test_a_child_that_never_gets_ready_is_named_with_its_log(families, tmp_path):
    family = family_of(families, tmp_path, Service(name="web", command=SLEEPER, ready_port=free_port()))

    with pytest.raises(NotReadyError, match=r"web is not ready; see .*web\.log"):
        family.wait_until_ready(timeout_s=0.3, on_ready=print)
