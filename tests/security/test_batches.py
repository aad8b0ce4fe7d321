"""Batches whose worker is killed in the middle: every row once, in the order of the upload."""

import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from settings.env import ROOT
from tests.chaos.world import World, kill, wait_for

pytestmark = [pytest.mark.security, pytest.mark.timeout(600)]

SEED = 18
ROWS = 600  # 12 s of work
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.webhooks.settings"}
ENDED = "SELECT count(*) FROM batches_batch WHERE status = 'completed'"
EFFECTS = "SELECT count(*) FROM effects"


@pytest.fixture
def world() -> Iterator[World]:
    """An installation of its own."""
    with tempfile.TemporaryDirectory(prefix="assay-batch-", ignore_cleanup_errors=True) as folder:
        installation = World(Path(folder))
        yield installation
        installation.close()


def torment(world: World, *, kills: int, **environment: str) -> list[str]:
    """Kill the worker in the middle of its work again and again. Returns what was done, in its order."""
    chance = random.Random(SEED)
    load = [sys.executable, "-m", "tests.batches.load", str(ROWS)]
    subprocess.run(load, env=world.environment | SETTINGS, cwd=ROOT, check=True)
    guard = world.reconciler(**SETTINGS)
    for _ in range(kills):
        worker = world.worker("default", **SETTINGS, **environment)
        before = world.ask(EFFECTS)
        await_more(world, than=before)
        time.sleep(chance.uniform(0.0, 1.0))
        kill(worker)
    worker = world.worker("default", **SETTINGS, **environment)
    wait_for(lambda: world.ask(ENDED) == 1, timeout_s=120, what="the batch does not end")
    for process in (worker, guard):
        kill(process)
    with psycopg.connect(world.database_url) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM effects ORDER BY at")]


def await_more(world: World, *, than: int) -> None:
    """Wait until something was done."""
    wait_for(lambda: world.ask(EFFECTS) > than, timeout_s=60, what="no row is done")


def test_every_row_is_done_once_and_in_order_whoever_is_killed(world: World, capsys):
    done = torment(world, kills=5)

    with capsys.disabled():
        print(f"\nbatches: 5 kills, {ROWS} rows, {len(done)} effects, {len(done) - len(set(done))} twice")
    assert done == [f"row-{number}" for number in range(ROWS)]
    assert world.ask("SELECT count(*) FROM batches_batchrow WHERE status = 'done'") == ROWS


def test_effects_beside_the_transaction_happen_twice(world: World, capsys):
    done = torment(world, kills=5, EFFECTS_APART="1")

    with capsys.disabled():
        print(f"\nbatches control, effects beside the transaction: {len(done) - len(set(done))} of {ROWS} rows twice")
    assert len(done) > len(set(done)) == ROWS
