"""The inference worker around its tasks: health, backlog, refusals, and no torch before it starts."""

import subprocess
import sys
import urllib.error
import urllib.request
from types import SimpleNamespace

import pytest

from apps.jobs import runtime, services, worker
from inference.api import Engine
from settings.env import ROOT
from tests.engines import ScriptedEngine
from tests.jobs.conftest import NOW, make_job


@pytest.fixture
def health():
    served = worker.Health("127.0.0.1", 0)
    served.start()
    yield served
    served.stop()


def ask(health, path) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{health.port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def test_a_worker_is_alive_before_it_is_ready(health):
    assert ask(health, "/livez") == (200, "alive\n")
    assert ask(health, "/readyz") == (503, "not ready\n")
    assert ask(health, "/elsewhere")[0] == 404


def test_a_worker_with_an_engine_is_ready_until_it_drains(health):
    health.runtime = runtime.Runtime(ScriptedEngine(), {})
    assert ask(health, "/readyz") == (200, "ready\n")

    health.runtime.drain(timeout_s=1.0)

    assert ask(health, "/readyz") == (503, "not ready\n")


def test_a_worker_shows_metrics_in_prometheus_text(health):
    status, text = ask(health, "/metrics")

    assert status == 200
    assert "process_resident_memory_bytes" in text


@pytest.mark.django_db(transaction=True)
def test_the_backlog_counts_open_jobs_by_kind_and_status(bank):
    running, _waiting, cancelled = (make_job(bank) for _ in range(3))
    services.claim(job_id=running.pk, now=NOW)
    services.cancel(job_id=cancelled.pk, institution_id=bank.pk, now=NOW)

    [family] = worker.BacklogCollector().collect()

    counts = {tuple(sample.labels.values()): sample.value for sample in family.samples}
    assert counts["test.count", "queued"] == 1
    assert counts["test.count", "running"] == 1


@pytest.mark.parametrize("pool", ["prefork", "eventlet", "gevent"])
def test_a_pool_that_is_not_of_threads_is_refused(pool):
    with pytest.raises(runtime.NotAWorkerError, match="--pool threads"):
        runtime.start([], pool=pool)


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("celery.concurrency.thread", "threads"),
        ("celery.concurrency.solo", "solo"),
        ("celery.concurrency.prefork", "prefork"),
    ],
)
def test_a_pool_is_known_by_its_module(module, name):
    assert worker.pool_name(SimpleNamespace(pool_cls=type("TaskPool", (), {"__module__": module}))) == name


def test_no_other_process_has_an_engine():
    with pytest.raises(runtime.NotAWorkerError):
        runtime.engine()


def test_a_scripted_engine_can_stand_in():
    engine: Engine = ScriptedEngine()
    runtime.install(runtime.Runtime(engine, {}))

    assert runtime.engine() is engine

    runtime.install(None)


def test_nothing_of_the_jobs_loads_torch():
    loads = (
        "import django; django.setup();"
        "import apps.jobs.runtime, apps.jobs.worker, apps.jobs.waiting, apps.jobs.reconciler, apps.jobs.api.urls;"
        "import settings.celery, sys; print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", loads], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == ["False", "False"]
