"""transformers without a server: forward passes for scores, ``generate`` for tokens."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, DynamicCache

from benchmarks.peers.work import Answers, Batch, Task, best_label


class Plain:
    """The library's model with SDPA. A setting is a batch size; prompts of a batch have one length.

    With ``keeps_prefix``, what prompts share is computed once, and its cache copied for every batch.
    """

    dtype: torch.dtype
    keeps_prefix = False

    def __init__(self, model: str, threads: int) -> None:
        torch.set_num_threads(threads)
        loaded: Any = AutoModelForCausalLM.from_pretrained(model, dtype=self.dtype)
        self._model = loaded.eval()
        self._model.generation_config.eos_token_id = None
        self._size = 8
        self._prefix: tuple[list[int], DynamicCache] | None = None

    def settings(self, task: Task) -> list[str]:
        """Batch sizes."""
        return {"score": ["1", "4", "16"], "questions": ["8"], "generate": ["32"]}[task]

    def use(self, setting: str) -> None:
        """Remember the batch size."""
        self._size = int(setting)

    @torch.inference_mode()
    def answer(self, batch: Batch) -> Answers:
        """In batches of the set size."""
        parts = [batch.prompts[at : at + self._size] for at in range(0, len(batch.prompts), self._size)]
        if batch.task == "generate":
            return Answers(tokens=[line for part in parts for line in self._generate(part, batch.new_tokens)])
        shared = batch.shared if self.keeps_prefix else 0
        rows = [best_label(row, batch.labels) for part in parts for row in self._logits(part, shared)]
        return Answers(tokens=[[label] for label, _ in rows], margins=[margin for _, margin in rows])

    def _generate(self, prompts: list[list[int]], new_tokens: int) -> list[list[int]]:
        ids = torch.tensor(prompts)
        out: Tensor = self._model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=new_tokens
        )
        found: list[list[int]] = out[:, ids.shape[1] :].tolist()
        return found

    def _logits(self, prompts: list[list[int]], shared: int) -> Tensor:
        """[B, V] at the last positions."""
        cache = self._kept(prompts[0][:shared], len(prompts)) if shared else None
        ids = torch.tensor([prompt[shared:] for prompt in prompts])
        out = self._model(ids, past_key_values=cache, use_cache=bool(shared), logits_to_keep=1)
        logits: Tensor = out.logits[:, -1].float()
        return logits

    def _kept(self, prefix: list[int], batch: int) -> DynamicCache:
        if self._prefix is None or self._prefix[0] != prefix:
            cache = DynamicCache(config=self._model.config)
            self._model(torch.tensor([prefix]), past_key_values=cache, logits_to_keep=1)
            self._prefix = (prefix, cache)
        copied = deepcopy(self._prefix[1])
        if batch > 1:
            copied.batch_repeat_interleave(batch)
        return copied


class PlainFloat32(Plain):
    """In float32."""

    dtype = torch.float32


class PlainBfloat16(Plain):
    """In bfloat16."""

    dtype = torch.bfloat16


class KeptFloat32(PlainFloat32):
    """In float32, with the shared prefix kept by hand."""

    keeps_prefix = True


class KeptBfloat16(PlainBfloat16):
    """In bfloat16, with the shared prefix kept by hand."""

    keeps_prefix = True
