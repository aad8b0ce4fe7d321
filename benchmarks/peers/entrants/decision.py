"""transformers' decision pipeline, in bfloat16: the one peer that scores as we do, one prompt at a time."""

from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.decision.template_utils import Question
from transformers.pipelines.decision import DecisionPipeline

from benchmarks.peers.work import Answers, Batch, Task


class Ids(DecisionPipeline):
    """The pipeline, given token ids: what a template and a tokenizer cost is spared."""

    def preprocess(self, request: Any) -> Any:  # type: ignore[override]
        """A request is one prompt's ids and the labels."""
        prompt, labels = request
        options = [str(label) for label in labels]
        question = Question("q", "choice", None, options, options, [""] * len(options))
        return {"prompts": [({"input_ids": torch.tensor([prompt]), "marks": torch.tensor([len(prompt)])}, [question])]}


class Decision:
    """It has no settings."""

    def __init__(self, model: str, threads: int) -> None:
        torch.set_num_threads(threads)
        loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
        self._pipeline = Ids(model=loaded.eval(), tokenizer=AutoTokenizer.from_pretrained(model))
        vars(self._pipeline)["label_token_ids"] = _as_ids  # it would ask the tokenizer

    def settings(self, _task: Task) -> list[str]:
        """There is one way."""
        return ["one by one"]

    def use(self, _setting: str) -> None:
        """There is one way."""

    def answer(self, batch: Batch) -> Answers:
        """One prompt after the other."""
        found = self._pipeline([(prompt, batch.labels) for prompt in batch.prompts])
        return Answers(tokens=[[int(item["q"]["choice"])] for item in found])


def _as_ids(labels: tuple[str, ...]) -> list[int]:
    return [int(label) for label in labels]
