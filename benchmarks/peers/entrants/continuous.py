"""transformers' continuous batching, in bfloat16, with small pages."""

from typing import Any

import torch
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from benchmarks.peers.work import Answers, Batch, Task

POOL_POSITIONS = 32_768
WAIT_S = 120.0


class Continuous:
    """A setting is a page size and a token budget. It has no scoring: a score is the first greedy token."""

    def __init__(self, model: str, threads: int) -> None:
        torch.set_num_threads(threads)
        loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=torch.bfloat16)
        self._model = loaded.eval()
        self._threads = threads
        self._manager: Any = None
        self.use("16/512")

    def settings(self, task: Task) -> list[str]:
        """Pages of 16 and 64; budgets from one request upwards: its mask is dense over the whole batch."""
        budgets = (128, 256) if task == "generate" else (512, 1024)
        return [f"{page}/{budget}" for page in (16, 64) for budget in budgets]

    def use(self, setting: str) -> None:
        """Start a manager anew."""
        self.close()
        page, _, budget = setting.partition("/")
        config = ContinuousBatchingConfig(
            page_size=int(page), num_blocks=POOL_POSITIONS // int(page), max_batch_tokens=int(budget)
        )
        greedy: Any = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False, max_new_tokens=1, eos_token_id=-1, pad_token_id=0
        )
        self._manager = self._model.init_continuous_batching(
            generation_config=greedy, continuous_batching_config=config
        )
        self._manager.start()

    def close(self) -> None:
        """End the manager's thread, if there is one."""
        if self._manager is not None:
            self._manager.stop(block=True, timeout=10)

    def answer(self, batch: Batch) -> Answers:
        """All prompts at once.

        Raises:
            RuntimeError: the manager failed a request.
        """
        names = self._manager.add_requests(batch.prompts, max_new_tokens=batch.new_tokens)
        names = [f"req_{place}" for place in range(len(batch.prompts))] if names is None else names
        found: dict[str, list[int]] = {}
        while len(found) < len(batch.prompts):
            result = self._manager.get_result(timeout=WAIT_S)
            if result is None or result.error:
                raise RuntimeError("no result" if result is None else result.error)
            if result.is_finished():
                found[result.request_id] = list(result.generated_tokens)
        return Answers(tokens=[found[name] for name in sorted(found, key=_number)])


def _number(name: str) -> int:
    return int(name.rpartition("_")[2])
