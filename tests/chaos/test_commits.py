"""COMMIT happens and its answer is lost: the client's retry finds what was done instead of doing it again."""

import time

import pytest

from tests.chaos.bank import Bank
from tests.chaos.test_requests import bank, show
from tests.chaos.world import World

__all__ = ["bank"]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

RATE_OF_FAULTS = "0.1"


def faulty(bank: Bank, *, count: int, rate: float, fresh: bool = False) -> None:
    bank.web(CHAOS_COMMIT_ERRORS=RATE_OF_FAULTS)
    bank.world.reconciler()
    bank.worker(CHAOS_COMMIT_ERRORS=RATE_OF_FAULTS)
    bank.enough(bank.traffic(rate=rate, count=count, fresh=fresh), stop=False)
    bank.settle()


def test_a_lost_answer_to_commit_loses_and_doubles_nothing(bank: Bank, capsys):
    begun = time.time()

    faulty(bank, count=5000, rate=25)

    verdict = bank.verdict(last_blow_at=begun)
    show(capsys, "10 % of commits without an answer", verdict)
    assert verdict.kept
    assert verdict.acked == 5000
    assert verdict.statuses["503"] > 0
    assert "500" not in verdict.statuses


def test_a_client_without_keys_doubles_what_it_retries(world: World, bank: Bank, capsys):
    faulty(bank, count=300, rate=25, fresh=True)

    rows = world.ask("SELECT count(*) FROM riskscore_riskassessment")
    with capsys.disabled():
        print(f"\ncontrol, a new key and id for every try: {rows} assessments of 300 events")
    assert rows > 300
