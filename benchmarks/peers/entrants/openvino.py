"""OpenVINO GenAI's continuous batching: INT8 weights, bfloat16 hint, u8 KV cache, prefix caching on."""

from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.peers.work import Answers, Batch, Task

BUDGETS = (256, 512, 1024, 2048)  # max_num_batched_tokens
CACHE_GB = 2
FIRST_ALONE = ", first alone"  # blocks are shared once a request has ended; so one goes ahead of the others


class OpenVino:
    """It has no scoring: a score is the first token of a greedy answer."""

    def __init__(self, model: str, threads: int) -> None:
        self._genai: Any = import_module("openvino_genai")
        self._tensor: Any = import_module("openvino").Tensor
        self._numpy: Any = import_module("numpy")
        self._folder = Path(model)
        self._properties = {
            "INFERENCE_PRECISION_HINT": "bf16",
            "KV_CACHE_PRECISION": "u8",
            "INFERENCE_NUM_THREADS": threads,
            "CACHE_DIR": str(self._folder / "compiled"),
        }
        self._setting = ""
        self._pipeline: Any = None
        self.use(str(BUDGETS[1]))

    def settings(self, task: Task) -> list[str]:
        """Token budgets of a step; for questions about one record, also with the first one ahead."""
        budgets = [str(budget) for budget in BUDGETS]
        return budgets + [budget + FIRST_ALONE for budget in budgets[1:]] if task == "questions" else budgets

    def use(self, setting: str) -> None:
        """Build the pipeline anew, unless only the order of requests changes."""
        budget = setting.removesuffix(FIRST_ALONE)
        if budget != self._setting.removesuffix(FIRST_ALONE):
            self._pipeline = None
            scheduler = self._genai.SchedulerConfig()
            scheduler.max_num_batched_tokens = int(budget)
            scheduler.cache_size = CACHE_GB
            scheduler.dynamic_split_fuse = True
            scheduler.enable_prefix_caching = True
            self._pipeline = self._genai.ContinuousBatchingPipeline(self._folder, scheduler, "CPU", self._properties)
        self._setting = setting

    def answer(self, batch: Batch) -> Answers:
        """All prompts at once, or the first one ahead."""
        ahead = 1 if self._setting.endswith(FIRST_ALONE) else 0
        parts = [part for part in (batch.prompts[:ahead], batch.prompts[ahead:]) if part]
        return Answers(tokens=[line for part in parts for line in self._generate(part, batch.new_tokens)])

    def _generate(self, prompts: list[list[int]], new_tokens: int) -> list[list[int]]:
        config = self._genai.GenerationConfig()
        config.max_new_tokens, config.do_sample, config.ignore_eos = new_tokens, False, True
        inputs = [self._tensor(self._numpy.array([prompt], dtype="int64")) for prompt in prompts]
        found = self._pipeline.generate(inputs, [config] * len(inputs))
        return [list(item.m_generation_ids[0]) for item in found]
