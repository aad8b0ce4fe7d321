"""S2: no institution can learn from the cache what another one sent, by counter or by clock.

Each probe asks for a record that another institution has just asked for, or for one that nobody has.
Control: the same institution asks for its own record again, and both tell at once.
"""

import random
import time
from collections.abc import Iterator
from itertools import pairwise

import pytest

from inference.api import EventPosition, EventSchema, Question, ScoreRequest
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore
from settings.env import ROOT

LENGTH = 320  # events: twenty blocks, which is what a hit saves
SMALL, FULL = 20, 400
LABELS = (0, 1)


class Bench:
    """The shipped risk model behind its engine, asked under any namespace."""

    def __init__(self, engine: EngineCore, schema: EventSchema) -> None:
        self.engine, self.schema = engine, schema

    def events(self, count: int, *, seed: str) -> tuple[EventPosition, ...]:
        """Random events."""
        rng = random.Random(seed)
        return tuple(
            self.schema.pack(
                [rng.gauss(0, 1) for _ in self.schema.numbers],
                [rng.randrange(field.size) for field in self.schema.categories],
            )
            for _ in range(count)
        )

    def asked(self, *, seed: str, namespace: str) -> tuple[int, float]:
        """Cached positions of one request, and its processor time in seconds, which no busy neighbour blurs."""
        question = Question(id="fraud", positions=self.events(2, seed="question"), labels=LABELS)
        record = self.events(LENGTH, seed=seed)
        request = ScoreRequest(
            id=f"{seed}-{namespace}", model="risk", namespace=namespace, record=record, questions=(question,)
        )
        begun = time.process_time()
        result = self.engine.submit(request).result(timeout=30)
        return result.usage.cached, time.process_time() - begun


def probes(bench: Bench, count: int, *, victim: str, attacker: str) -> tuple[int, float]:
    """How many probes hit, and the area under the curve of a guess by time alone: told before against never told."""
    order = random.Random(7).sample([True, False] * (count // 2), count)
    hits = 0
    told: list[float] = []
    untold: list[float] = []
    for number, was_told in enumerate(order):
        seed = f"{victim}-{attacker}-{count}-{number}"
        bench.asked(seed=seed if was_told else f"{seed}-other", namespace=victim)  # for the same warmth
        cached, seconds = bench.asked(seed=seed, namespace=attacker)
        hits += cached > 0
        (told if was_told else untold).append(seconds)
    return hits, area_under_curve(told, untold)


def area_under_curve(faster: list[float], slower: list[float]) -> float:
    """Chance that one of the first took less time than one of the second; 0.5 tells nothing.

    >>> area_under_curve([1.0, 2.0], [3.0, 4.0]), area_under_curve([1.0, 4.0], [2.0, 3.0])
    (1.0, 0.5)
    """
    pairs = [(one < other) + (one == other) / 2 for one in faster for other in slower]
    return sum(pairs) / len(pairs)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    """The model that ships, on one thread, warmed up."""
    config = EngineConfig(threads=1, memory_mb=512, salt_key=b"only-the-tests-use-this-salt")
    loaded = load_checkpoint(ROOT / "checkpoints" / "risk-small", name="risk", config=config)
    assert loaded.schema is not None
    engine = EngineCore([loaded], config)
    engine.start()
    made = Bench(engine, loaded.schema)
    for seed in range(10):
        made.asked(seed=f"warm-{seed}", namespace="warm")
    yield made
    engine.stop()


def test_no_probe_across_institutions_hits(bench, capsys):
    hits, _area = probes(bench, SMALL, victim="bank-a", attacker="bank-b")
    own, area = probes(bench, SMALL, victim="bank-c", attacker="bank-c")

    with capsys.disabled():
        print(f"\nS2, small: {hits} of {SMALL} hits across, {own} of {SMALL // 2} own, area of own {area:.2f}")
    assert (hits, own) == (0, SMALL // 2)


def test_namespaces_that_look_alike_share_nothing(bench):
    names = ["bank", "bank ", "Bank", "bank\x00", "bank/", ""]

    for one, other in pairwise([*names, "bank"]):
        bench.asked(seed=one + other, namespace=one)

        assert bench.asked(seed=one + other, namespace=other)[0] == 0


@pytest.mark.security
@pytest.mark.timeout(900)
def test_four_hundred_probes_learn_nothing_by_counter_or_clock(bench, capsys):
    hits, area = probes(bench, FULL, victim="bank-a", attacker="bank-b")

    with capsys.disabled():
        print(f"\nS2: {hits} of {FULL} probes hit across institutions, area under curve by time {area:.3f}")
    assert hits == 0
    assert 0.40 <= area <= 0.60


@pytest.mark.security
@pytest.mark.timeout(900)
def test_control_the_same_institution_is_told_by_counter_and_clock(bench, capsys):
    hits, area = probes(bench, FULL, victim="bank-a", attacker="bank-a")

    with capsys.disabled():
        print(f"\nS2 control: {hits} of {FULL // 2} own probes hit, area under curve by time {area:.3f}")
    assert hits == FULL // 2
    assert area > 0.95
