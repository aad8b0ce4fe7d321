"""Whether one institution can learn from the cache what another one sent: by counter, and by clock.

Each probe asks for a record that a victim has just asked for, or for one that nobody has. Control: the victim probes
itself, and both counter and clock tell at once.
"""

import argparse
import math
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from time import process_time

from rich.console import Console
from rich.progress import track

from benchmarks.page import machine, markdown_table, write_section
from benchmarks.scoring import CHECKPOINT
from inference.api import EventPosition, EventSchema, Question, ScoreRequest
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore

LENGTH = 160  # events: ten blocks, which is what a hit saves
PROBES = 1000
LABELS = (0, 1)
HEAD = ("who probes whom", "probes", "of them told before", "hits by counter", "area under curve by time", "95 %")


class Bench:
    """A risk model behind its engine, asked under any namespace."""

    def __init__(self, engine: EngineCore, schema: EventSchema, *, length: int) -> None:
        self.engine, self.schema, self.length = engine, schema, length

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
        record = self.events(self.length, seed=seed)
        request = ScoreRequest(
            id=f"{seed}-{namespace}", model="risk", namespace=namespace, record=record, questions=(question,)
        )
        begun = process_time()
        result = self.engine.submit(request).result(timeout=30)
        return result.usage.cached, process_time() - begun


@contextmanager
def probing(checkpoint: Path, *, length: int) -> Iterator[Bench]:
    """A model that ships, on one thread, warmed up."""
    config = EngineConfig(threads=1, memory_mb=512, salt_key=b"only-the-tests-use-this-salt")
    loaded = load_checkpoint(checkpoint, name="risk", config=config)
    assert loaded.schema is not None
    engine = EngineCore([loaded], config)
    engine.start()
    try:
        bench = Bench(engine, loaded.schema, length=length)
        for seed in range(10):
            bench.asked(seed=f"warm-{seed}", namespace="warm")
        yield bench
    finally:
        engine.stop()


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """What an attacker learned from probes, half of which asked for what the victim had just asked for.

    Attributes:
        area: chance that a probe of something told took less time than one of something new; 0.5 tells nothing.
    """

    probes: int
    hits: int
    area: float

    @property
    def told(self) -> int:
        """Probes of what the victim had asked for."""
        return self.probes // 2

    @property
    def spread(self) -> float:
        """Half of the interval in which 95 of 100 areas lie where nothing is to be learned."""
        return 1.96 * math.sqrt((self.probes + 1) / (12 * self.told * (self.probes - self.told)))


def probe(bench: Bench, count: int, *, victim: str, attacker: str) -> Learned:
    """Probe so many times, in an order that tells nothing."""
    order = random.Random(7).sample([True, False] * (count // 2), count)
    hits = 0
    told: list[float] = []
    untold: list[float] = []
    for number, was_told in enumerate(track(order, description=f"{attacker} probes {victim}", transient=True)):
        seed = f"{victim}-{attacker}-{count}-{number}"
        bench.asked(seed=seed if was_told else f"{seed}-other", namespace=victim)  # for the same warmth
        cached, seconds = bench.asked(seed=seed, namespace=attacker)
        hits += cached > 0
        (told if was_told else untold).append(seconds)
    return Learned(probes=count, hits=hits, area=area_under_curve(told, untold))


def area_under_curve(faster: Sequence[float], slower: Sequence[float]) -> float:
    """Chance that one of the first took less time than one of the second; 0.5 tells nothing.

    >>> area_under_curve([1.0, 2.0], [3.0, 4.0]), area_under_curve([1.0, 4.0], [2.0, 3.0])
    (1.0, 0.5)
    """
    pairs = [(one < other) + (one == other) / 2 for one in faster for other in slower]
    return sum(pairs) / len(pairs)


def main(argv: Sequence[str] | None = None) -> None:
    """Probe, print and write the section."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.isolation", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=CHECKPOINT)
    parser.add_argument("--probes", type=int, default=PROBES, help="in each arm; an even number")
    options = parser.parse_args(argv)
    with probing(options.checkpoint, length=LENGTH) as bench:
        arms = {
            "another institution": probe(bench, options.probes, victim="bank-a", attacker="bank-b"),
            "control: itself": probe(bench, options.probes, victim="bank-c", attacker="bank-c"),
        }
    rows = [row(who, learned) for who, learned in arms.items()]
    for line in rows:
        Console().print("  ".join(line))
    write_section("isolation", section(rows))


def row(who: str, learned: Learned) -> tuple[str, ...]:
    """One arm as cells."""
    return (
        who,
        f"{learned.probes:,}",
        f"{learned.told:,}",
        f"{learned.hits:,}",
        f"{learned.area:.3f}",
        f"0.5 ± {learned.spread:.3f}",
    )


def section(rows: Sequence[tuple[str, ...]]) -> str:
    """What is written to docs/benchmarks.md."""
    return (
        f"## Isolation\n\n{machine(date.today(), threads=1)}\n\n"  # noqa: DTZ011 - the machine's own calendar
        f"An attacker asks for a record of {LENGTH} events that a victim has just asked for, or for one that nobody "
        "has, and guesses by its own request's processor time which it was (`python -m benchmarks.isolation`). Last "
        "column: where 95 of 100 areas lie if there is nothing to be learned.\n\n"
        f"{markdown_table(HEAD, rows)}"
    )


if __name__ == "__main__":
    main()
