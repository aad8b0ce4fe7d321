"""CTranslate2 at INT8: forward passes for scoring, or greedy generation with a static prompt."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peers.work import Answers, Batch, Task, best_label


class CTranslate2:
    """A setting is a way and a batch size; forward passes give the logits of every position."""

    def __init__(self, model: str, threads: int) -> None:
        self._module: Any = import_module("ctranslate2")
        self._numpy: Any = import_module("numpy")
        self._generator = self._module.Generator(model, "cpu", compute_type="int8", intra_threads=threads)
        self._vocabulary: list[str] = json.loads((Path(model) / "vocabulary.json").read_text(encoding="utf-8"))
        self._ids = {token: place for place, token in enumerate(self._vocabulary)}
        self._way, self._size = "generate", 8

    def settings(self, task: Task) -> list[str]:
        """Batch sizes, of both ways where both can answer."""
        generating = [f"generate {size}" for size in (1, 8, 32)]
        return generating if task == "generate" else ["forward 1", "forward 4", *generating]

    def use(self, setting: str) -> None:
        """Remember way and size."""
        self._way, _, size = setting.partition(" ")
        self._size = int(size)

    def answer(self, batch: Batch) -> Answers:
        """In batches of the set size."""
        if self._way == "generate":
            return Answers(tokens=self._generate(batch))
        return Answers(
            tokens=[line for at in range(0, len(batch.prompts), self._size) for line in self._forward(batch, at)]
        )

    def _forward(self, batch: Batch, at: int) -> list[list[int]]:
        logits = self._numpy.array(self._generator.forward_batch(batch.prompts[at : at + self._size]))
        return [[best_label(row[-1], batch.labels)[0]] for row in logits]

    def _generate(self, batch: Batch) -> list[list[int]]:
        prompts = [[self._vocabulary[token] for token in prompt] for prompt in batch.prompts]
        static = prompts[0][: batch.shared] or None
        found = self._generator.generate_batch(
            [prompt[batch.shared :] for prompt in prompts],
            static_prompt=static,
            cache_static_prompt=True,
            include_prompt_in_result=False,
            max_batch_size=self._size,
            max_length=batch.new_tokens,
            min_length=batch.new_tokens,
            sampling_topk=1,
        )
        return [[self._ids[token] for token in item.sequences[0]] for item in found]
