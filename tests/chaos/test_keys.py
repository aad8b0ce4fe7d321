"""Two hundred keys, each used by twenty requests at once: one row a key, and one answer."""

import asyncio
from collections import Counter

import httpx
import pytest

from tests.chaos.bank import Bank
from tests.chaos.test_requests import bank
from tests.chaos.traffic import URL, event
from tests.chaos.world import World, kill, wait_for

__all__ = ["bank"]

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

KEYS, AT_ONCE = 200, 20
VERDICT = {"verdict": "fraud", "reported_by": "analyst"}  # an answer that two requests would store twice
LABELS = "SELECT count(*) FROM riskscore_label"


async def used(bank: Bank, *, keys: int) -> tuple[Counter[int], int]:
    """Use each key many times at once, again and again until all have the answer.

    Returns:
        How often each status came, and how many keys had more than one answer.
    """
    statuses: Counter[int] = Counter()
    limits = httpx.Limits(max_connections=AT_ONCE * 2)
    headers = {"Authorization": f"Bearer {bank.key}"}
    async with httpx.AsyncClient(
        base_url=bank.url, headers=headers, timeout=60, limits=limits, trust_env=False
    ) as http:
        made = await http.post(URL, json=event("keys", 0), headers={"Idempotency-Key": "first", "Prefer": "wait=10"})
        address = f"{URL}/{made.json()['id']}/feedback"

        async def once(key: str) -> bytes:
            while True:
                answer = await http.post(address, json=VERDICT, headers={"Idempotency-Key": key})
                statuses[answer.status_code] += 1
                if answer.is_success:
                    return answer.content
                await asyncio.sleep(0.2)

        several = 0
        for number in range(keys):
            answers = await asyncio.gather(*(once(f"key-{number}") for _ in range(AT_ONCE)))
            several += len(set(answers)) > 1
    return statuses, several


def test_each_key_makes_one_row_and_one_answer(world: World, bank: Bank, capsys):
    bank.web()
    bank.worker()

    statuses, several = asyncio.run(used(bank, keys=KEYS))

    with capsys.disabled():
        print(
            f"\nkeys: {world.ask(LABELS)} rows of {KEYS} keys x {AT_ONCE}, {several} with two answers, {dict(statuses)}"
        )
    assert (world.ask(LABELS), several) == (KEYS, 0)
    assert statuses.keys() <= {201, 409, 429}


def test_where_keys_say_nothing_every_request_makes_a_row(world: World, bank: Bank, capsys):
    bank.web(CHAOS_WITHOUT="idempotency")
    bank.worker()

    _, several = asyncio.run(used(bank, keys=5))

    with capsys.disabled():
        print(f"\ncontrol, keys ignored: {world.ask(LABELS)} rows of 5 keys, {several} with two answers")
    assert world.ask(LABELS) > 5


def test_a_key_outlives_the_process_that_was_killed_using_it(world: World, bank: Bank, capsys):
    world.reconciler()
    bank.worker()
    web = bank.web()
    traffic = bank.traffic(rate=20)
    for _ in range(10):
        before = len(bank.acked())
        wait_for(lambda: len(bank.acked()) > before + 20, timeout_s=60, what="nothing is acknowledged")  # noqa: B023
        kill(web)
        web = bank.web()
    bank.enough(traffic)
    bank.settle()

    verdict = bank.verdict(last_blow_at=0)
    with capsys.disabled():
        print(f"\nweb killed 10 times: {verdict}")
    assert verdict.kept
