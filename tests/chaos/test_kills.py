"""Workers die and Redis forgets: nothing that was promised is lost, and nothing is done twice."""

import socket
from dataclasses import asdict

import pytest

from settings.env import ROOT
from tests.chaos.nemesis import torment
from tests.chaos.oracle import Verdict
from tests.chaos.world import World

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

KILLS, FLUSHES, SEED = 20, 5, 20261123
CHECKPOINT = ROOT / "checkpoints" / "risk-small"


def show(capsys, title: str, verdict: Verdict) -> None:
    with capsys.disabled():
        print(f"\n{title}: " + ", ".join(f"{name} {value:.4g}" for name, value in asdict(verdict).items()))


def test_twenty_kills_and_five_emptyings_lose_and_double_nothing(world: World, capsys):
    verdict = torment(world, kind="chaos.sleep", rate=20, kills=KILLS, flushes=FLUSHES, seed=SEED, reconciler=True)

    show(capsys, "20 kills, 5 emptyings", verdict)
    assert verdict.acked > 500
    assert (verdict.open, verdict.doubled, verdict.missing) == (0, 0, 0)
    assert verdict.settled_s < 30


def test_without_the_reconciler_the_same_run_loses_jobs(world: World, capsys):
    verdict = torment(world, kind="chaos.sleep", rate=20, kills=KILLS, flushes=FLUSHES, seed=SEED, reconciler=False)

    show(capsys, "the same without a reconciler", verdict)
    assert verdict.open > 0
    assert verdict.doubled == 0


@pytest.mark.skipif(not (CHECKPOINT / "SHA256SUMS").exists(), reason="no trained checkpoint is there")
def test_twenty_kills_of_the_real_engine_lose_and_double_nothing(world: World, capsys):
    world.manage("register_model", str(CHECKPOINT), "--name", "risk", "--version", "1", "--alias", "champion")

    verdict = torment(
        world,
        kind="chaos.score",
        rate=5,  # a worker loads torch for 5-30 s after each kill, and what waited must be done within the limit
        kills=KILLS,
        flushes=FLUSHES,
        seed=SEED,
        reconciler=True,
        queue="inference",
        ASSAY_WORKER_PORT=free_port(),
    )

    show(capsys, "the real engine, 20 kills, 5 emptyings", verdict)
    assert (verdict.open, verdict.doubled, verdict.missing) == (0, 0, 0)
    assert verdict.settled_s < 30


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])
