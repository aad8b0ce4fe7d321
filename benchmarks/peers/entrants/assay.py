"""Assay's engine as it is shipped: INT8, defaults."""

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from benchmarks.peers.work import Answers, Batch, Task
from inference.api import GenerateRequest, Precision, Question, ScoreRequest, ScoreResult, TokenPosition
from inference.checkpoints import load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore

MEMORY_MB = 3072


class Assay:
    """A batch is so many requests in flight; questions about one record are one request."""

    precision = Precision.INT8

    def __init__(self, model: str, threads: int) -> None:
        config = EngineConfig(
            threads=threads,
            memory_mb=MEMORY_MB,
            salt_key=bytes(32),
            precision=self.precision,
            stall_timeout_s=600.0,
            namespace_quota=1.0,
        )
        self._engine = EngineCore([load_checkpoint(Path(model), name="model", config=config)], config)
        self._engine.start()
        self._ids = count()

    def settings(self, _task: Task) -> list[str]:
        """Nothing is tried out: what counts is what somebody gets who sets nothing."""
        return ["defaults"]

    def use(self, _setting: str) -> None:
        """Nothing to set."""

    def answer(self, batch: Batch) -> Answers:
        """Everything in flight at once."""
        if batch.task == "generate":
            return self._generate(batch)
        if batch.task == "questions":
            requests = [self._request(batch.prompts, len(batch.prompts[0][: batch.shared]), batch.labels)]
        else:
            requests = [self._request([prompt], len(prompt) - 1, batch.labels) for prompt in batch.prompts]
        results = [future.result() for future in [self._engine.submit(request) for request in requests]]
        return Answers(
            tokens=[line for result in results for line in _labels(result, batch.labels)],
            computed=sum(result.usage.computed for result in results),
        )

    def _generate(self, batch: Batch) -> Answers:
        """Greedily, to the last token; without guesses, which random weights that repeat themselves would flatter."""
        requests = [
            GenerateRequest(
                id=str(next(self._ids)),
                model="model",
                namespace="bank",
                record=tuple(map(TokenPosition, prompt)),
                max_tokens=batch.new_tokens,
                stop_tokens=frozenset(),
                speculate=False,
            )
            for prompt in batch.prompts
        ]
        results = [future.result() for future in [self._engine.generate(request) for request in requests]]
        return Answers(tokens=[list(result.tokens) for result in results])

    def _request(self, prompts: Sequence[Sequence[int]], record: int, labels: Sequence[int]) -> ScoreRequest:
        """Prompts whose first ``record`` tokens are the same, as questions about one record."""
        return ScoreRequest(
            id=str(next(self._ids)),
            model="model",
            namespace="bank",
            record=tuple(map(TokenPosition, prompts[0][:record])),
            questions=tuple(
                Question(id=str(place), positions=tuple(map(TokenPosition, prompt[record:])), labels=tuple(labels))
                for place, prompt in enumerate(prompts)
            ),
        )


def _labels(result: ScoreResult, labels: Sequence[int]) -> list[list[int]]:
    best = [answer.logits.index(max(answer.logits)) for answer in result.answers]
    return [[labels[at]] for at in best]
