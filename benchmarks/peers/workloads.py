"""What is asked: the table of workloads, and batches of prompts nobody has seen before."""

import random
from dataclasses import dataclass, field

from benchmarks.peers.checkpoints import HALF_BILLION, LABELS, SMALL, Shape
from benchmarks.peers.roster import ASSAY, EXACT, EXACT_KEPT, GENAI
from benchmarks.peers.work import Batch, Task

FIRST_PLAIN_TOKEN = 400  # below are special tokens, bytes and labels
PLAIN = ("transformers bf16", EXACT)
KEPT = ("transformers bf16, prefix kept", EXACT_KEPT)
SERVERS = (GENAI, "CTranslate2 int8", "transformers continuous batching bf16")
DECISION = "transformers decision pipeline bf16"
BEST = "the best peer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One row of the table.

    Attributes:
        prompts: in flight at once.
        shared: leading tokens that are the same in all of them; for ``score``, read before the clock starts.
        aims: the ratio of Assay to that peer which we want to reach.
    """

    name: str
    title: str
    shape: Shape
    task: Task
    prompts: int
    length: int
    shared: int = 0
    new_tokens: int = 1
    rounds: int = 7
    entrants: tuple[str, ...]
    aims: dict[str, float] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """Of what is counted by the second: prompts, records, or new tokens."""
        return {"score": self.prompts, "questions": 1, "generate": self.prompts * self.new_tokens}[self.task]

    @property
    def unit(self) -> str:
        """The name of what is counted."""
        return {"score": "requests", "questions": "records", "generate": "tokens"}[self.task]


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload(
            name="cold",
            title="score, 512 tokens, nothing shared, 27 M parameters",
            shape=SMALL,
            task="score",
            prompts=16,
            length=512,
            entrants=(ASSAY, *SERVERS, *PLAIN, DECISION),
            aims={GENAI: 1.5, EXACT: 15.0},
        ),
        Workload(
            name="shared",
            title="score, 512 tokens, 416 shared, 27 M parameters",
            shape=SMALL,
            task="score",
            prompts=32,
            length=512,
            shared=416,
            entrants=(ASSAY, *SERVERS, *KEPT),
            aims={GENAI: 1.5},
        ),
        Workload(
            name="questions",
            title="score, 8 questions of 24 tokens on one 480-token record, 27 M parameters",
            shape=SMALL,
            task="questions",
            prompts=8,
            length=504,
            shared=480,
            entrants=(ASSAY, *SERVERS, *KEPT, DECISION),
            aims={BEST: 4.0},
        ),
        Workload(
            name="generate",
            title="generate, 128 -> 64 tokens, 32 at once, 27 M parameters",
            shape=SMALL,
            task="generate",
            prompts=32,
            length=128,
            new_tokens=64,
            rounds=5,
            entrants=(ASSAY, *SERVERS, *PLAIN),
            aims={GENAI: 1.2},
        ),
        Workload(
            name="half-billion",
            title="score, 512 tokens, Qwen2.5-0.5B shape with 32,768 tokens in its vocabulary",
            shape=HALF_BILLION,
            task="score",
            prompts=4,
            length=512,
            rounds=3,
            entrants=(ASSAY, GENAI, "CTranslate2 int8", *PLAIN),
            aims={GENAI: 1.3},
        ),
    )
}


class Prompts:
    """Draws batches without end; the same seed draws the same ones."""

    def __init__(self, workload: Workload, *, seed: int) -> None:
        self._workload = workload
        self._chance = random.Random(seed)
        self._kept = self._tokens(workload.shared)

    def take(self, count: int | None = None) -> Batch:
        """So many prompts, or as many as the workload has at once; tails are new every time.

        The shared part stays the same for ``score``, and is new every time for ``questions``.
        """
        asked = self._workload
        prefix = self._tokens(asked.shared) if asked.task == "questions" else self._kept
        tails = [self._tokens(asked.length - asked.shared) for _ in range(count or asked.prompts)]
        return Batch(
            task=asked.task,
            prompts=[prefix + tail for tail in tails],
            labels=list(LABELS),
            shared=asked.shared,
            new_tokens=asked.new_tokens,
        )

    def _tokens(self, count: int) -> list[int]:
        return self._chance.choices(range(FIRST_PLAIN_TOKEN, self._workload.shape.vocabulary - 100), k=count)
