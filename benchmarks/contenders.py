"""Assay's engine, and plain transformers as one would use it, behind one call."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache

from benchmarks.cases import LABELS, Case
from inference.api import EventPosition, Precision
from inference.checkpoints import LoadedModel, load_checkpoint
from inference.config import EngineConfig
from inference.engine import EngineCore

Logits = list[tuple[float, ...]]


class Contender(Protocol):
    """Answers cases, all at once; gives the labels' logits of each.

    Between `wake` and `rest` it alone has threads that compute: see `inference.threads` for what two
    pools of them would cost each other.
    """

    name: str

    def wake(self) -> None:
        """Get ready to compute."""

    def rest(self) -> None:
        """Let go of every thread that computes."""

    def score(self, cases: Sequence[Case]) -> Logits:
        """[B] cases to the logits of their labels."""


class Assay:
    """The engine; a batch is so many requests in flight."""

    def __init__(self, path: Path, config: EngineConfig) -> None:
        loaded = load_checkpoint(path, name="risk", config=config)
        self.name = f"Assay {config.precision}"
        self.kernels = loaded.ref.kernels
        self._engine = EngineCore([loaded], config)

    def wake(self) -> None:
        """Start the engine's thread."""
        self._engine.start()

    def rest(self) -> None:
        """End the engine's thread; its cache stays."""
        self._engine.stop()

    def score(self, cases: Sequence[Case]) -> Logits:
        """[B] cases to the logits of their labels."""
        futures = [self._engine.submit(case.request("bench")) for case in cases]
        return [future.result().answers[0].logits for future in futures]


class Transformers:
    """The library's model with SDPA; cases of one length, so that a padded batch holds no padding.

    With ``keeps_cache`` the shared prefix is computed once, and its DynamicCache copied for every batch.
    """

    def __init__(self, path: Path, config: EngineConfig, *, keeps_cache: bool) -> None:
        exact = replace(config, precision=Precision.FP32)
        self._loaded: LoadedModel = load_checkpoint(path, name="risk", config=exact)
        self._model: Any = self._loaded.model
        if config.precision is Precision.BF16:
            for parameter in self._model.parameters():
                parameter.data = parameter.data.to(torch.bfloat16)
        self._model.set_attn_implementation("sdpa")
        self._threads = config.threads
        self._thread: ThreadPoolExecutor | None = None
        self._keeps_cache = keeps_cache
        self._cache: DynamicCache | None = None
        self._embeddings: Any = self._model.get_input_embeddings()
        self.name = f"transformers {config.precision}" + (", cache by hand" if keeps_cache else "")

    def wake(self) -> None:
        """Start the thread that computes."""
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._thread.submit(torch.set_num_threads, self._threads).result()

    def rest(self) -> None:
        """End the thread that computes; the kept prefix stays."""
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    def score(self, cases: Sequence[Case]) -> Logits:
        """[B] cases to the logits of their labels. Call it awake."""
        assert self._thread is not None
        return self._thread.submit(self._score, cases).result()

    @torch.inference_mode()
    def _score(self, cases: Sequence[Case]) -> Logits:
        skip = cases[0].shared if self._keeps_cache else 0
        cache = self._prefix(cases[0], len(cases)) if skip else None
        embedded = torch.stack([self._embed(case, skip, len(case.positions)) for case in cases])
        out = self._model(inputs_embeds=embedded, past_key_values=cache, use_cache=bool(skip), logits_to_keep=1)
        rows: Tensor = out.logits[:, -1, list(LABELS)].float()
        return [tuple(row) for row in rows.tolist()]

    def _prefix(self, case: Case, batch: int) -> DynamicCache:
        if self._cache is None:
            self._cache = DynamicCache(config=self._model.config)
            self._model(inputs_embeds=self._embed(case, 0, case.shared)[None], past_key_values=self._cache)
        copied = deepcopy(self._cache)
        if batch > 1:
            copied.batch_repeat_interleave(batch)
        return copied

    def _embed(self, case: Case, start: int, stop: int) -> Tensor:
        """[stop - start, hidden]: events by the checkpoint's encoder, the question by the embedding."""
        schema, encoder = self._loaded.schema, self._loaded.event_encoder
        assert schema is not None
        assert encoder is not None
        events = [item.packed for item in case.positions[start:stop] if isinstance(item, EventPosition)]
        raw = np.frombuffer(b"".join(events), dtype="<f4").reshape(len(events), -1)
        numbers = torch.from_numpy(raw[:, : len(schema.numbers)].copy())
        codes = torch.from_numpy(raw[:, len(schema.numbers) :].copy().view("<i4").astype(np.int64))
        vectors = encoder.inner(numbers, codes).to(self._model.dtype)
        tokens = [item.token for item in case.positions[start:stop] if not isinstance(item, EventPosition)]
        return torch.cat([vectors, self._embeddings(torch.tensor(tokens, dtype=torch.int64))])


def all_of(path: Path, config: EngineConfig) -> list[Contender]:
    """Assay in three precisions, transformers in two, and those two with a cache kept by hand."""
    configs = {precision: replace(config, precision=precision) for precision in Precision}
    plain = [configs[Precision.FP32], configs[Precision.BF16]]
    return [
        *(Assay(path, configs[precision]) for precision in (Precision.INT8, Precision.BF16, Precision.FP32)),
        *(Transformers(path, one, keeps_cache=False) for one in plain),
        *(Transformers(path, one, keeps_cache=True) for one in plain),
    ]
